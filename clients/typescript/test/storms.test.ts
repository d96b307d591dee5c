import { describe, expect, it } from '@jest/globals'
import { AuthError, memoryStorage, RateLimitedError } from '../src/index.ts'
import { ada, code, eventually, loggedIn, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000
const problem = (status: number, body: object) =>
  new Response(JSON.stringify({ title: 'x', detail: 'x.', ...body }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })

describe('an API that refuses every token of ours', () => {
  const headers = { 'www-authenticate': 'Bearer realm="other", error="invalid_token"' }
  async function refusing() {
    const setup = world()
    const fetching: typeof fetch = async (input, init) =>
      String(input).startsWith('https://api.test')
        ? new Response('', { status: 401, headers })
        : setup.server.fetch(input, init)
    const client = setup.connect({ fetch: fetching })
    await client.login(ada)
    return { ...setup, client }
  }

  it('costs one refresh, and another one no sooner than half a minute later', async () => {
    const { client, server, clock } = await refusing()
    for (let call = 0; call < 50; call++) expect((await client.fetch('https://api.test/')).status).toBe(401)
    expect(server.count(refreshPath)).toBe(1)
    await clock.advance(31_000)
    await client.fetch('https://api.test/')
    expect(server.count(refreshPath)).toBe(2)
  })

  it('costs one refresh for many calls at once', async () => {
    const { client, server } = await refusing()
    await Promise.all(Array.from({ length: 20 }, () => client.fetch('https://api.test/')))
    expect(server.count(refreshPath)).toBe(1)
  })

  it('is recognised among other challenges', async () => {
    const setup = world()
    let calls = 0
    const challenge = 'Basic realm="x", Bearer realm="y", error="invalid_token"'
    const fetching: typeof fetch = async (input, init) => {
      if (!String(input).startsWith('https://api.test')) return setup.server.fetch(input, init)
      return calls++ === 0
        ? new Response('', { status: 401, headers: { 'www-authenticate': challenge } })
        : new Response('')
    }
    const client = setup.connect({ fetch: fetching })
    await client.login(ada)
    expect((await client.fetch('https://api.test/')).status).toBe(200)
  })
})

describe('a wish for a token that lasts', () => {
  it.each([900, 100_000, Number.NaN, Number.POSITIVE_INFINITY, 'x'])(
    'longer than any does (%p) costs no refresh while the token just came, and few later',
    async (minValidSeconds) => {
      const { client, server, clock } = await loggedIn()
      for (let call = 0; call < 20; call++) await client.getAccessToken({ minValidSeconds: minValidSeconds as number })
      expect(server.count(refreshPath)).toBe(0)
      for (let call = 0; call < 45; call++) {
        await clock.advance(10_000)
        await client.getAccessToken({ minValidSeconds: minValidSeconds as number })
      }
      expect(server.count(refreshPath)).toBeLessThanOrEqual(6)
    },
  )
})

describe('a server that says nonsense', () => {
  it.each([['soon'], [null], [-9], [{}], ['NaN']])(
    'for how long to wait (%p) is not asked in a storm',
    async (retry_after) => {
      const { client, server, clock } = await loggedIn()
      await clock.advance(hour)
      const answer = () => problem(429, { code: 'rate_limited', retryable: true, retry_after })
      server.always({ do: 'answer', with: answer })
      const error = (await client.getAccessToken().catch((each) => each)) as AuthError
      expect(error.code).toBe('refresh_unavailable')
      expect(Number.isFinite(error.retryAfter)).toBe(true)
      expect(server.count(refreshPath)).toBeLessThan(50)
      expect(server.count(refreshPath)).toBeGreaterThan(1)
    },
  )

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'as its code (%s) gets an error of ours',
    async (name) => {
      const { client, server } = world()
      server.script('/v1/auth/login', { do: 'answer', with: () => problem(400, { code: name }) })
      const error = await client.login(ada).catch((each) => each)
      expect(error).toBeInstanceOf(AuthError)
      expect(error.code).toBe(name)
    },
  )

  it.each([
    [{ access_token: 'x', expires_in: 9 }],
    [{ access_token: 'x', expires_in: 9, session_id: 's', user: {}, generation: 0, refresh_expires_in: 9 }],
    [{ access_token: 'x', expires_in: '9', session_id: 's', user: { id: 'u' }, generation: 0, refresh_expires_in: 9 }],
    [[]],
  ])('in the place of tokens opens and ends no session: %j', async (body) => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage, storageKey: 'key' })
    const before = await storage.get('key')
    const nonsense = { do: 'answer', with: () => Response.json(body) } as const
    server.script('/v1/auth/login', nonsense)
    expect(await code(connect({ storage: memoryStorage() }).login(ada))).toBe('bad_response')
    await clock.advance(hour)
    server.always(nonsense)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(await storage.get('key')).toBe(before)
    server.always(null)
    expect(await code(client.refresh())).toBe('fine')
    server.script('/v1/users/me/password', { do: 'answer', with: () => Response.json({}) })
    expect(await code(client.changePassword({ current_password: 'x', new_password: 'y' }))).toBe('bad_response')
  })

  it('through a proxy, that there are too many requests, is told as that', async () => {
    const { client, server } = world()
    server.script('/v1/auth/login', { do: 'status', status: 429, retryAfter: 7 })
    const error = await client.login(ada).catch((each) => each)
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(error).toMatchObject({ retryable: true, retryAfter: 7 })
  })
})

describe('a server that does not know the session, and ends it neither', () => {
  const unknown = () => problem(401, { code: 'invalid_refresh_token', session_ended: false, retryable: false })

  it('leaves it, for it may come back, and says that trying again is of no use', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.always({ do: 'answer', with: unknown })
    const error = (await client.getAccessToken().catch((each) => each)) as AuthError
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: false })
    expect(error.message).not.toMatch(/yet/)
    expect(client.state).toMatchObject({
      status: 'refresh_failed',
      error: { code: 'invalid_refresh_token', retryable: false },
    })
    expect(server.count(refreshPath)).toBe(1)
    server.always(null)
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
  })

  it('lets its user log in again', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, { do: 'answer', with: unknown })
    await code(client.getAccessToken())
    await client.login(ada)
    expect(client.state.status).toBe('active')
  })
})

describe('logouts that wait', () => {
  const key = 'key.logouts'

  it.each([
    ['of a later version', '{"v":2,"gen":7,"waiting":[]}', 'failed'],
    ['that cannot be read', '{"v":1,', 'queued'],
    ['without a list', '{"v":1,"gen":7}', 'failed'],
  ])('%s keep nobody from logging out', async (_name, raw, remote) => {
    const storage = memoryStorage()
    storage.advance(key, raw, 7)
    const { client, server } = await loggedIn({ storage, storageKey: 'key' })
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote })
    if (remote === 'failed') expect(await storage.get(key)).toBe(raw)
  })

  it('and are nonsense are forgotten, and the others told', async () => {
    const storage = memoryStorage()
    const { client, server, connect, errors } = await loggedIn({ storage, storageKey: 'key' })
    const { id } = client.state.session!
    const record = JSON.parse((await storage.get('key'))!)
    const other = { record: { ...record, iss: 'https://other.test', rt: 'nttr_of_another_server' }, scope: 'this' }
    const items = [{}, null, 5, { record, scope: 'this' }, other]
    storage.advance(key, JSON.stringify({ v: 1, gen: 9, items }), 9)
    await connect().ready()
    await eventually(() => server.session(id)!.ended === 'logout')
    await eventually(async () => JSON.parse((await storage.get(key))!).items.length === 1)
    expect(JSON.parse((await storage.get(key))!).items).toEqual([other])
    expect(JSON.stringify(server.requests.map(({ body }) => body))).not.toContain('nttr_of_another_server')
    expect(errors).toEqual([])
  })

  it('are kept when they fail again, and told when that works', async () => {
    const storage = memoryStorage()
    const { client, server, connect } = await loggedIn({ storage, storageKey: 'key' })
    const { id } = client.state.session!
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'queued' })
    const waiting = await storage.get(key)
    const before = server.requests.length
    await connect().ready()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(server.requests.length).toBe(before)
    expect(await storage.get(key)).toBe(waiting)
    server.always(null)
    await connect().ready()
    await eventually(() => server.session(id)!.ended === 'logout')
  })

  it('are kept without the access token, which is of no use there', async () => {
    const storage = memoryStorage()
    const { client, server } = await loggedIn({ storage, storageKey: 'key' })
    const token = await client.getAccessToken()
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'queued' })
    expect(await storage.get(key)).toContain('nttr_')
    expect(await storage.get(key)).not.toContain(token)
  })

  it('that the server will never take do not take the place of others', async () => {
    const { client, server } = await loggedIn()
    server.script('/v1/auth/logout', {
      do: 'answer',
      with: () => problem(422, { code: 'validation_failed', retryable: false }),
    })
    expect(await client.logout({ scope: 'everything' as never })).toEqual({ remote: 'failed' })
    expect(client.state.status).toBe('logged_out')
  })
})
