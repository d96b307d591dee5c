import { describe, expect, it } from '@jest/globals'
import { AuthClient, AuthError, memoryStorage, type SessionStorage } from '../src/index.ts'
import { ada, code, gate, listenTo, loggedIn, refreshPath, world } from './support/setup.ts'

const me = '/v1/users/me'
const invalidToken = () =>
  new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })

describe('an account', () => {
  it('is registered, and its user known without another request', async () => {
    const { client, server } = world()
    const result = await client.register({ email: 'grace@example.com', password: 'a compiler of my own' })
    expect(result).toMatchObject({ status: 'logged_in', user: { email: 'grace@example.com' } })
    expect((await client.getUser()).email).toBe('grace@example.com')
    expect(server.requests).toHaveLength(1)
  })

  it('is registered once when the answer got lost', async () => {
    const { client, server } = world()
    server.script('/v1/auth/register', { do: 'lose_reply' })
    const result = await client.register({ email: 'grace@example.com', password: 'a compiler of my own' })
    expect(result.status).toBe('logged_in')
    expect(server.count('/v1/auth/login')).toBe(1)
  })

  it('that somebody else has is refused, also when the answer got lost', async () => {
    const { client, server } = world()
    const input = { email: ada.email, password: 'a guess of a stranger', device_name: 'laptop' }
    expect(await code(client.register(input))).toBe('email_taken')
    expect(server.count('/v1/auth/login')).toBe(0)
    server.script('/v1/auth/register', { do: 'lose_reply' })
    expect(await code(client.register(input))).toBe('email_taken')
  })

  it('may have to be verified first', async () => {
    const { client, server } = world()
    server.script('/v1/auth/register', { do: 'answer', with: () => new Response('{}', { status: 202 }) })
    expect(await client.register(ada)).toEqual({ status: 'verification_required' })
    expect(client.state.status).toBe('logged_out')
  })

  it('is read, changed and told of', async () => {
    const { client } = await loggedIn()
    const seen = listenTo(client)
    const changed = await client.updateUser({ name: 'Ada' })
    expect(changed.name).toBe('Ada')
    expect(await client.getUser()).toEqual(changed)
    expect(await client.getUser({ fresh: true })).toEqual(changed)
    expect(seen.types()).toEqual(['user_updated'])
  })

  it('cannot be changed in memory, where everybody shares what was seen last', async () => {
    const { client } = await loggedIn()
    const user = await client.getUser()
    expect(() => Object.assign(user, { email: 'evil@example.com' })).toThrow(TypeError)
    expect((await client.getUser()).email).toBe(ada.email)
  })

  it('keeps its session, and the key of its token, through a new password', async () => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage, storageKey: 'key' })
    const other = (await connect({ storage: memoryStorage() }).login(ada)).session
    const stored = async () => JSON.parse((await storage.get('key'))!)
    const before = await stored()
    const session = await client.changePassword({ current_password: ada.password, new_password: 'a quieter engine' })
    expect(server.session(other.id)?.ended).toBe('password_changed')
    // Another process may be on its way with this token and this key.
    expect(await stored()).toMatchObject({ rt: before.rt, rk: before.rk, gen: before.gen + 1 })
    expect((await stored()).at).not.toBe(before.at)
    await clock.advance(3_600_000)
    expect((await client.refresh()).id).toBe(session.id)
    const wrong = client.changePassword({ current_password: 'wrong', new_password: 'a quieter engine of silk' })
    expect(await code(wrong)).toBe('invalid_password')
    expect(client.state.status).toBe('active')
  })

  it('is deleted, once, also when the answer got lost', async () => {
    const { client, server } = await loggedIn()
    expect(await code(client.deleteAccount({ password: 'wrong' }))).toBe('invalid_password')
    server.script(me, { do: 'lose_reply' })
    await client.deleteAccount({ password: ada.password })
    expect(client.state).toMatchObject({ status: 'logged_out' })
    const second = await loggedIn()
    await second.client.deleteAccount({ password: ada.password })
    expect(second.client.state).toMatchObject({ status: 'logged_out', reason: 'deleted' })
  })

  it('lists its sessions, page by page or all, and revokes one', async () => {
    const { client, server, connect } = await loggedIn()
    for (let device = 0; device < 4; device++) await connect().login(ada)
    const first = await client.sessions.list({ limit: 2 })
    expect(first.items).toHaveLength(2)
    const second = await client.sessions.list({ limit: 2, cursor: first.nextCursor! })
    expect(second.items[0]!.id).not.toBe(first.items[0]!.id)
    const all = []
    for await (const each of client.sessions.all()) all.push(each)
    expect(all).toHaveLength(5)
    await client.sessions.revoke(all[3]!.id)
    expect(server.session(all[3]!.id)?.ended).toBe('logout_others')
    expect(await code(client.sessions.revoke('01a20faf-d34d-7590-b8c0-be7e925185e9'))).toBe('not_found')
  })

  it('is asked for again with a new token when the server refuses the old one', async () => {
    const { client, server } = await loggedIn()
    const problem = { code: 'invalid_token', title: 'x', detail: 'x.', session_ended: false, retryable: false }
    const headers = { 'content-type': 'application/problem+json' }
    server.script(me, { do: 'answer', with: () => new Response(JSON.stringify(problem), { status: 401, headers }) })
    expect((await client.getUser({ fresh: true })).email).toBe(ada.email)
    expect(server.count(refreshPath)).toBe(1)
  })

  it('tells wrong passwords from servers that are too busy, and repeats neither', async () => {
    const { client, server } = world()
    expect(await code(client.login({ ...ada, password: 'wrong' }))).toBe('invalid_credentials')
    server.script('/v1/auth/login', { do: 'status', status: 503, retryAfter: 2 })
    const error = (await client.login(ada).catch((each) => each)) as AuthError
    expect(error).toMatchObject({ code: 'unavailable', retryAfter: 2, retryable: true })
    expect(server.count('/v1/auth/login')).toBe(2)
  })

  it('is not logged in by an answer without tokens', async () => {
    const { client, server } = world()
    server.script('/v1/auth/login', { do: 'answer', with: () => new Response('{}') })
    expect(await code(client.login(ada))).toBe('bad_response')
    expect(client.state.status).toBe('logged_out')
  })
})

describe('fetch with the token', () => {
  const api = 'https://api.test/notes'

  /** A client whose API answers by `answer`, after the mock server had its say about its own paths. */
  async function withApi(answer: (token: string | null, init: RequestInit | undefined) => Response, options = {}) {
    const setup = world()
    const sent: (string | null)[] = []
    const fetching: typeof fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : String(input)
      if (!url.startsWith('https://api.test')) return setup.server.fetch(input, init)
      const token = new Headers(init?.headers).get('authorization')
      sent.push(token)
      return answer(token, init)
    }
    const client = setup.connect({ fetch: fetching, ...options })
    await client.login(ada)
    return { ...setup, client, sent }
  }

  it('sends it, and leaves the rest as it was', async () => {
    const { client, sent } = await withApi((_token, init) => new Response(new Headers(init?.headers).get('x-mine')))
    expect(await (await client.fetch(api, { headers: { 'x-mine': 'kept' } })).text()).toBe('kept')
    expect(sent).toEqual([`Bearer ${await client.getAccessToken()}`])
    await client.fetch(new Request(api, { headers: { 'x-mine': 'kept' } }))
    await client.fetch(new URL(api))
    expect(sent).toHaveLength(3)
  })

  it('refreshes once and repeats when our token is refused', async () => {
    const { client, server, sent } = await withApi((token) =>
      token === sent[0] ? invalidToken() : new Response('fine'),
    )
    const answers = await Promise.all([client.fetch(api), client.fetch(api, { method: 'POST', body: 'text' })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(server.count(refreshPath)).toBe(1)
  })

  it('asks for another token once in half a minute where every token is refused', async () => {
    const { client, server, clock } = await withApi(invalidToken)
    for (let call = 0; call < 4; call++) {
      expect((await client.fetch(api)).status).toBe(401)
      await clock.advance(7000)
    }
    expect(server.count(refreshPath)).toBe(1)
    await clock.advance(10_000)
    await client.fetch(api)
    expect(server.count(refreshPath)).toBe(2)
  })

  it('repeats once at most', async () => {
    const { client, sent } = await withApi(invalidToken)
    expect((await client.fetch(api)).status).toBe(401)
    expect(sent).toHaveLength(2)
  })

  it.each([
    ['without a challenge', undefined],
    ['of another scheme', 'Basic realm="x"'],
    ['of another error', 'Bearer error="insufficient_scope"'],
  ])('leaves a 401 %s alone', async (_name, challenge) => {
    const headers = challenge === undefined ? {} : { 'www-authenticate': challenge }
    const { client, server, sent } = await withApi(() => new Response('', { status: 401, headers }))
    expect((await client.fetch(api)).status).toBe(401)
    expect(sent).toHaveLength(1)
    expect(server.count(refreshPath)).toBe(0)
  })

  it('does not repeat what cannot be sent twice, but refreshes for the next call', async () => {
    const { client, server, sent } = await withApi((token) =>
      token === sent[0] ? invalidToken() : new Response('fine'),
    )
    const body = new ReadableStream({ start: (controller) => controller.close() })
    expect((await client.fetch(api, { method: 'POST', body, duplex: 'half' } as RequestInit)).status).toBe(401)
    expect(server.count(refreshPath)).toBe(1)
    expect((await client.fetch(api)).status).toBe(200)
    const request = new Request(api, { method: 'POST', body: 'text' })
    expect((await client.fetch(request)).status).toBe(200)
  })

  it('gives the API its word when the session has ended', async () => {
    const { client, server } = await withApi(invalidToken)
    server.endSessions({ sessionId: client.state.session!.id })
    expect((await client.fetch(api)).status).toBe(401)
    expect(client.state.status).toBe('logged_out')
    expect(await code(client.fetch(api))).toBe('session_ended')
  })

  it('goes nowhere without https, nor where it was not sent', async () => {
    const { client, sent } = await withApi(() => new Response(''), { apiOrigins: ['https://api.test'] })
    expect(await code(client.fetch('http://api.test/notes'))).toBe('insecure_url')
    expect(await code(client.fetch('https://elsewhere.test/'))).toBe('config_invalid')
    expect(sent).toEqual([])
    expect((await client.fetch(api)).status).toBe(200)
  })
})

describe('a client', () => {
  it('does nothing when it is made', () => {
    const { client, server } = world()
    expect(client.state).toEqual({ status: 'loading', session: null })
    expect(server.requests).toEqual([])
    expect(client.diagnostics()).toMatchObject({ state: 'loading', storage: { kind: 'memory', atomic: true } })
  })

  it.each([
    [{ baseUrl: 'nowhere' }, 'config_invalid'],
    [{ baseUrl: 'http://auth.example.com' }, 'insecure_url'],
    [{ baseUrl: 'https://auth.test', timeoutMs: 0 }, 'config_invalid'],
    [{ baseUrl: 'https://auth.test', storage: 'cupboard' as never }, 'config_invalid'],
  ])('says what is wrong with %j', (options, expected) => {
    try {
      new AuthClient(options)
      throw new Error('It was accepted.')
    } catch (error) {
      expect((error as AuthError).code).toBe(expected)
      expect(AuthError.is(error)).toBe(true)
    }
  })

  it.each([
    'http://localhost:8080',
    'http://127.0.0.1:8080/',
    'http://[::1]:1',
    'http://app.localhost',
    'https://a.test/auth/',
  ])('accepts %s', (baseUrl) => expect(() => new AuthClient({ baseUrl })).not.toThrow())

  it('is of no use after it was closed, and closing twice is fine', async () => {
    const { client } = await loggedIn()
    await client.close()
    await client.close()
    expect(await code(client.getAccessToken())).toBe('closed')
    expect(await code(client.login(ada))).toBe('closed')
    const { client: disposed } = world()
    await disposed[Symbol.asyncDispose]()
    expect(await code(disposed.ready())).toBe('closed')
  })

  it('isolates what its listeners throw, and lets them call it', async () => {
    const { client, errors } = await loggedIn()
    const heard: string[] = []
    client.onChange(() => {
      throw new Error('mine')
    })
    client.onChange(async () => {
      throw new Error('late')
    })
    const stop = client.onChange(({ type }) => {
      heard.push(type)
      void client.getSession().then((session) => heard.push(session ? 'session' : 'none'))
    })
    await client.refresh()
    stop()
    await client.refresh()
    await new Promise((resolve) => setTimeout(resolve))
    expect(heard).toEqual(['token_refreshed', 'session'])
    expect(errors.map(String).sort()).toEqual(['Error: late', 'Error: late', 'Error: mine', 'Error: mine'])
  })

  it('shows no token in its state, its events, its errors and itself', async () => {
    const { client, server, clock } = await loggedIn()
    const seen = listenTo(client)
    const token = await client.getAccessToken()
    server.always({ do: 'lose_request' })
    await clock.advance(3_600_000)
    const error = await client.getAccessToken().catch((each) => each)
    const shown = JSON.stringify([client, client.state, seen.events, error, client.diagnostics()])
    for (const secret of [token.split('.')[2]!, 'nttr_']) expect(shown).not.toContain(secret)
  })

  it('goes on in memory when its storage fails, says so once, and writes when that works again', async () => {
    const records = memoryStorage()
    let broken = false
    /** The method, or an error while the storage is broken. */
    const fragile = <A extends unknown[], R>(method: (...input: A) => R) => {
      return (...input: A): R => {
        if (broken) throw new Error('The disk is full.')
        return method(...input)
      }
    }
    const storage: SessionStorage = {
      ...records,
      get: fragile(records.get),
      advance: fragile(records.advance),
      async lock(_key, _wait, work) {
        if (broken) throw new Error('No locks either.')
        return work()
      },
    }
    const { client, errors, connect } = world({ storage })
    const seen = listenTo(client)
    await client.ready()
    broken = true
    await client.login(ada)
    await client.refresh()
    expect(seen.types()).toEqual(['initial', 'storage_unavailable', 'logged_in', 'token_refreshed'])
    expect(errors).toHaveLength(1)
    broken = false
    await client.refresh()
    const restarted = connect()
    await restarted.ready()
    expect(restarted.state).toMatchObject({ status: 'active', session: { generation: 2 } })
  })

  it.each([
    ['that cannot be read', '{"v":1,'],
    ['of a later version', '{"v":2,"gen":7,"future":true}'],
    ['that lacks something', '{"v":1,"gen":7,"iss":"x"}'],
    ['that is no object', '"text"'],
  ])('takes a record %s for none, and keeps a copy when it writes its own', async (_name, raw) => {
    const storage = memoryStorage()
    storage.advance('key', raw, 1)
    const { client } = world({ storage, storageKey: 'key' })
    expect((await client.ready()).status).toBe('logged_out')
    expect(await storage.get('key')).toBe(raw)
    await client.login(ada)
    expect(client.state.status).toBe('active')
    await new Promise((resolve) => setTimeout(resolve))
    expect(await storage.get('key.bad')).toBe(raw)
  })

  it('writes its record down again where the store was set back, and does not where it was cleared', async () => {
    const records = new Map<string, string>()
    const { client, server, clock } = await loggedIn({ storage: memoryStorage(records), storageKey: 'key' })
    const old = records.get('key')!
    await client.refresh()
    await client.refresh()
    records.set('key', old)
    await clock.advance(3_600_000)
    await client.getAccessToken()
    expect(server.session(client.state.session!.id)).toMatchObject({ generation: 3, ended: null })
    records.delete('key')
    await clock.advance(3_600_000)
    expect(await code(client.getAccessToken())).toBe('no_session')
  })

  it('joins no refresh of before to the login of after', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(3_600_000)
    const held = gate()
    server.script(refreshPath, { do: 'wait', until: held.until })
    const waiting = client.getAccessToken()
    await new Promise((resolve) => setTimeout(resolve))
    const { session } = await client.login(ada)
    held.open()
    await waiting
    expect(client.state.session!.id).toBe(session.id)
    expect(server.session(session.id)).toMatchObject({ generation: 0, ended: null })
  })

  it('stays below 1.5 KB in its store', async () => {
    const storage = memoryStorage()
    await loggedIn({ storage, storageKey: 'key' })
    expect((await storage.get('key'))!.length).toBeLessThan(1536)
  })
})
