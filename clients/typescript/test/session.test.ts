import { describe, expect, it } from '@jest/globals'
import { type AuthError, memoryStorage } from '../src/index.ts'
import { ada, code, eventually, gate, listenTo, loggedIn, refreshKeys, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000

describe('a session', () => {
  it('is opened by a login and told of', async () => {
    const { client } = world()
    const seen = listenTo(client)
    await client.ready()
    const { user, session } = await client.login(ada)
    expect(user.email).toBe(ada.email)
    expect(client.state).toEqual({ status: 'active', session })
    expect(await client.getSession()).toBe(session)
    expect(seen.types()).toEqual(['initial', 'logged_in'])
  })

  it('needs no request while its token is good', async () => {
    const { client, server } = await loggedIn()
    const before = server.requests.length
    const tokens = await Promise.all(Array.from({ length: 20 }, () => client.getAccessToken()))
    expect(new Set(tokens).size).toBe(1)
    expect(server.requests).toHaveLength(before)
  })

  it('sends one refresh for twenty callers with an expired token, and answers them all', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => client.getAccessToken()))
    expect(new Set(tokens).size).toBe(1)
    expect(server.count(refreshPath)).toBe(1)
    expect(client.state.status).toBe('active')
  })

  it('gives out the old token at once when the new one is due, and fetches that beside', async () => {
    const { client, server, clock } = await loggedIn()
    const first = await client.getAccessToken()
    await clock.advance(800_000)
    expect(await client.getAccessToken()).toBe(first)
    await client.refresh()
    expect(await client.getAccessToken()).not.toBe(first)
    expect(server.count(refreshPath)).toBe(1)
  })

  it('survives a lost reply: the same token with the same key, and then the next', async () => {
    const { client, server, clock } = await loggedIn()
    server.script(refreshPath, { do: 'lose_reply' })
    await clock.advance(hour)
    await client.getAccessToken()
    const keys = refreshKeys(server)
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBe(keys[1])
    await client.refresh()
    expect(refreshKeys(server)[2]).not.toBe(keys[0])
    expect(server.session((await client.getSession())!.id)).toMatchObject({ generation: 2, ended: null })
  })

  it('survives being killed after the server rotated, and a day', async () => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage })
    const id = (await client.getSession())!.id
    server.always({ do: 'lose_reply' })
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    server.always(null)
    await clock.advance(24 * hour)
    const restarted = connect()
    await restarted.getAccessToken()
    expect(restarted.state).toMatchObject({ status: 'active', session: { id, generation: 1 } })
  })

  it.each([
    ['429 with Retry-After', { do: 'status', status: 429, retryAfter: 7 }],
    ['429 without', { do: 'status', status: 429 }],
    ['503 with a date', { do: 'status', status: 503, retryAfter: new Date(Date.now() + 3000).toUTCString() }],
    ['503 without', { do: 'status', status: 503 }],
    ['403 of a proxy', { do: 'status', status: 403 }],
    ['404', { do: 'status', status: 404 }],
    ['400 of somebody', { do: 'status', status: 400 }],
    ['407', { do: 'status', status: 407 }],
    ['the page of a captive portal', { do: 'html' }],
    ['an answer that breaks off', { do: 'truncate' }],
    ['a lost request', { do: 'lose_request' }],
  ] as const)('is not ended by %s, once or for an hour', async (_name, fault) => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, fault)
    expect(await code(client.getAccessToken())).toBe('fine')
    await clock.advance(hour)
    server.always(fault)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(client.state.status).toBe('refresh_failed')
    await clock.advance(hour)
    server.always(null)
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(client.state.status).toBe('active')
  })

  it('waits as long as Retry-After says before it asks again', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, { do: 'status', status: 429, retryAfter: 7 })
    const before = clock.wall()
    await client.getAccessToken()
    expect(clock.wall() - before).toBeGreaterThanOrEqual(7000)
    expect(server.count(refreshPath)).toBe(2)
  })

  it('asks nothing while a long Retry-After runs, and says for how long', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, { do: 'status', status: 429, retryAfter: 120 })
    const error = (await client.getAccessToken().catch((each) => each)) as AuthError
    expect(error.code).toBe('refresh_unavailable')
    expect(error.retryAfter).toBeGreaterThanOrEqual(120)
    await Promise.allSettled(Array.from({ length: 50 }, () => client.getAccessToken()))
    expect(server.count(refreshPath)).toBe(1)
    await clock.advance(140_000)
    expect(await code(client.getAccessToken())).toBe('fine')
  })

  it('shares a failure among all who wait, and keeps the token that is still valid', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(880_000)
    server.always({ do: 'lose_request' })
    const first = await client.getAccessToken({ minValidSeconds: 60 })
    expect(await client.getAccessToken()).toBe(first)
    expect(client.state).toMatchObject({ status: 'refresh_failed', over: 'active' })
    await clock.advance(30_000)
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => code(client.getAccessToken())))
    expect(new Set(outcomes)).toEqual(new Set(['refresh_unavailable']))
  })

  it('tells of a failure once the token has expired, and of the recovery', async () => {
    const { client, server, clock } = await loggedIn()
    const seen = listenTo(client)
    await clock.advance(hour)
    server.always({ do: 'lose_request' })
    await code(client.getAccessToken())
    await code(client.getAccessToken())
    server.always(null)
    await client.refresh()
    expect(seen.types()).toEqual(['refresh_failed', 'recovered', 'token_refreshed'])
  })

  it('ends by the word of the server, with its reason, and is forgotten', async () => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage })
    const seen = listenTo(client)
    server.endSessions({ sessionId: (await client.getSession())!.id }, 'admin')
    await clock.advance(hour)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        client.getAccessToken().catch((error: AuthError) => [error.code, error.endReason]),
      ),
    )
    expect(new Set(outcomes.map(String))).toEqual(new Set(['session_ended,admin']))
    expect(server.count(refreshPath)).toBe(1)
    expect(seen.events).toMatchObject([{ type: 'logged_out', reason: 'admin', initiator: 'server' }])
    expect((await connect().ready()).status).toBe('logged_out')
  })

  it('is not ended by a token that the server does not know', async () => {
    const { client, server, clock } = await loggedIn()
    const problem = { code: 'invalid_refresh_token', session_ended: false, retryable: false, title: 'x', detail: 'x.' }
    const headers = { 'content-type': 'application/problem+json' }
    server.script(refreshPath, {
      do: 'answer',
      with: () => new Response(JSON.stringify(problem), { status: 401, headers }),
    })
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(client.state.status).toBe('refresh_failed')
  })

  it('ends when its store was overtaken, and says so', async () => {
    const { client, server, clock } = await loggedIn()
    const seen = listenTo(client)
    const problem = { code: 'refresh_superseded', session_ended: false, retryable: false, title: 'x', detail: 'x.' }
    const headers = { 'content-type': 'application/problem+json' }
    server.script(refreshPath, {
      do: 'answer',
      with: () => new Response(JSON.stringify(problem), { status: 409, headers }),
    })
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('no_session')
    expect(server.count('/v1/auth/logout')).toBe(1)
    expect(seen.events).toMatchObject([{ type: 'logged_out', reason: 'superseded', initiator: 'this' }])
  })

  it('leaves only the waiting when a caller gives up', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    const held = gate()
    server.script(refreshPath, { do: 'wait', until: held.until })
    const controller = new AbortController()
    const given = client.getAccessToken({ signal: controller.signal })
    const patient = client.getAccessToken()
    controller.abort()
    expect(await code(given)).toBe('aborted')
    expect(await code(client.getAccessToken({ timeoutMs: 5 }))).toBe('timeout')
    expect(await code(client.getAccessToken({ signal: controller.signal }))).toBe('aborted')
    held.open()
    expect(await code(patient)).toBe('fine')
    expect(server.count(refreshPath)).toBe(1)
  })
})

describe('logging out', () => {
  it('is done here before anything is asked, and the server is told', async () => {
    const { client, server } = await loggedIn()
    const id = (await client.getSession())!.id
    const seen = listenTo(client)
    await client.ready()
    const leaving = client.logout()
    await Promise.resolve()
    await Promise.resolve()
    expect(client.state).toMatchObject({ status: 'logged_out', reason: 'user', initiator: 'this' })
    expect(await leaving).toEqual({ remote: 'done' })
    expect(server.session(id)?.ended).toBe('logout')
    expect(seen.types()).toEqual(['logged_out'])
    expect(await code(client.getAccessToken())).toBe('no_session')
    expect(await client.logout()).toEqual({ remote: 'not_asked' })
    expect(seen.types()).toEqual(['logged_out'])
  })

  it('works offline, and the server is told at the next start', async () => {
    const storage = memoryStorage()
    const { client, server, connect } = await loggedIn({ storage })
    const id = (await client.getSession())!.id
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'queued' })
    server.always(null)
    const waiting = async () => String(await storage.get(`ntt-auth ${server.issuer}.logouts`))
    expect(await waiting()).toContain('nttr_')
    expect(server.session(id)?.ended).toBeNull()
    await connect().ready()
    await eventually(async () => server.session(id)?.ended === 'logout' && !(await waiting()).includes('nttr_'))
    const before = server.requests.length
    await connect().ready()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(server.requests).toHaveLength(before)
  })

  it('tells the server of an old one without touching who is logged in now, whatever becomes of the storage', async () => {
    for (const what of ['cannot be read', 'is of a later version']) {
      const records = new Map<string, string>()
      const kept = memoryStorage(records)
      let failing = false
      const get = (key: string) => {
        if (failing && key === 'key') throw new Error('No answer.')
        return kept.get(key)
      }
      const { client, server, connect } = world({ storage: { ...kept, get }, storageKey: 'key' })
      await client.login(ada)
      const old = (await client.getSession())!.id
      server.always({ do: 'lose_request' })
      expect(await client.logout()).toEqual({ remote: 'queued' })
      server.always(null)
      await client.login(ada)
      await client.close()
      const stored = what === 'cannot be read' ? records.get('key')! : '{"v":2,"gen":7,"future":true}'
      records.set('key', stored)
      const next = connect({
        fetch: async (input, init) => {
          const answer = await server.fetch(input, init)
          failing ||= what === 'cannot be read' && String(input).endsWith('/logout')
          return answer
        },
      })
      await next.ready()
      await eventually(() => server.session(old)?.ended === 'logout' && !records.get('key.logouts')?.includes('nttr_'))
      expect([what, records.get('key')]).toEqual([what, stored])
      failing = false
      await next.close()
    }
  })

  it('keeps at most five for later, and says when it keeps one no more', async () => {
    const { client, server } = world()
    for (let round = 0; round < 6; round++) {
      await client.login(ada)
      server.always({ do: 'lose_request' })
      expect(await client.logout()).toEqual({ remote: round < 5 ? 'queued' : 'failed' })
      server.always(null)
    }
  })

  it('wins over a refresh that is under way', async () => {
    const { client, server, clock } = await loggedIn()
    const id = (await client.getSession())!.id
    await clock.advance(hour)
    const held = gate()
    server.script(refreshPath, { do: 'wait', until: held.until })
    const waiting = code(client.getAccessToken())
    const leaving = client.logout()
    expect(await waiting).toBe('no_session')
    held.open()
    await leaving
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(client.state.status).toBe('logged_out')
    expect(server.session(id)?.ended).toBe('logout')
  })

  it('can leave the server out of it, or take the other devices or all', async () => {
    const { client, server, connect } = await loggedIn()
    const other = connect()
    const { session } = await other.login(ada)
    expect(await client.logout({ scope: 'others' })).toEqual({ remote: 'done' })
    expect(server.session(session.id)?.ended).toBe('logout_others')
    expect(client.state.status).toBe('active')
    const third = (await connect().login(ada)).session
    await client.logout({ scope: 'all' })
    expect(server.session(third.id)?.ended).toBe('logout_all')
    const last = (await client.login(ada)).session
    expect(await client.logout({ scope: 'local' })).toEqual({ remote: 'not_asked' })
    expect(server.session(last.id)?.ended).toBeNull()
  })

  it('does not take the login that follows with it', async () => {
    const records = memoryStorage()
    let slow: Promise<unknown> = Promise.resolve()
    const storage = { ...records, get: (key: string) => slow.then(() => records.get(key)) }
    const { client } = await loggedIn({ storage })
    // The tombstone is written slowly, the login comes at once.
    slow = new Promise((resolve) => setTimeout(resolve, 50))
    const leaving = client.logout()
    await new Promise((resolve) => setTimeout(resolve, 5))
    const pending = slow
    slow = Promise.resolve()
    await client.login(ada)
    await Promise.all([leaving, pending])
    expect(client.state.status).toBe('active')
    expect(await code(client.refresh())).toBe('fine')
  })
})

describe('several clients on one store', () => {
  it('send one refresh between them', async () => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage })
    const clients = [client, connect(), connect(), connect()]
    await Promise.all(clients.map((each) => each.ready()))
    await clock.advance(hour)
    const outcomes = await Promise.all(clients.flatMap((each) => [each.getAccessToken(), each.getAccessToken()]))
    expect(new Set(outcomes).size).toBe(1)
    expect(server.count(refreshPath)).toBe(1)
  })

  it('adopt what another one stored instead of asking', async () => {
    const records = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage: records })
    // Another process: another storage object on the same records.
    const other = connect({ storage: { ...records } })
    await other.ready()
    await clock.advance(hour)
    const token = await client.getAccessToken()
    expect(await other.getAccessToken()).toBe(token)
    expect(server.count(refreshPath)).toBe(1)
    expect(other.diagnostics().counters.adopted).toBe(1)
  })

  it('keep one record when two refresh at the same time', async () => {
    const records = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage: records })
    const other = connect({ storage: { ...records } })
    await other.ready()
    for (let round = 0; round < 5; round++) {
      await clock.advance(hour)
      await Promise.all([client.getAccessToken(), other.getAccessToken()])
    }
    expect(server.session((await client.getSession())!.id)).toMatchObject({ generation: 5, ended: null })
  })

  it('follow a logout and a login of each other', async () => {
    const records = memoryStorage()
    let changed: () => void = () => undefined
    const storage = {
      ...records,
      subscribe(_key: string, each: () => void) {
        changed = each
        return () => undefined
      },
    }
    const { client, connect } = await loggedIn({ storage: records })
    const other = connect({ storage })
    const seen = listenTo(other)
    await other.ready()
    await client.logout()
    changed()
    await new Promise((resolve) => setTimeout(resolve))
    await client.login(ada)
    changed()
    await new Promise((resolve) => setTimeout(resolve))
    expect(seen.types()).toEqual(['initial', 'logged_out', 'logged_in'])
    expect(seen.events[1]).toMatchObject({ reason: 'user', initiator: 'other_context' })
    await other.close()
  })
})

describe('clocks', () => {
  const skews = [-86_400_000, -600_000, 0, 600_000, 86_400_000]
  const lifetimes = [60, 300, 3600]
  it.each(skews.flatMap((skew) => lifetimes.map((ttl) => [skew, ttl] as const)))(
    'that differ by %d ms cost one refresh in each lifetime of %d s',
    async (skewMs, accessTokenTtl) => {
      const { client, server, clock } = await loggedIn({}, { skewMs, accessTokenTtl })
      for (let time = 0; time < 10 * accessTokenTtl; time += accessTokenTtl / 20) {
        await clock.advance((accessTokenTtl / 20) * 1000)
        await client.getAccessToken()
        while (client.state.status === 'refreshing') await new Promise((resolve) => setImmediate(resolve))
      }
      // At 75 % of a lifetime, give or take 5 %: 12 to 14 times in ten lifetimes.
      expect(server.count(refreshPath)).toBeGreaterThanOrEqual(10)
      expect(server.count(refreshPath)).toBeLessThanOrEqual(14)
      expect(client.diagnostics().skewSeconds).toBe(skewMs / 1000)
    },
  )

  it('are told of when they differ by more than a minute, and stop nothing', async () => {
    const { client } = world({}, { skewMs: 600_000 })
    const seen = listenTo(client)
    await client.login(ada)
    await client.refresh()
    expect(seen.types()).toEqual(['initial', 'clock_skew', 'logged_in', 'token_refreshed'])
  })

  it('that are set back or forward while running cost one refresh', async () => {
    const { client, server, clock } = await loggedIn()
    clock.setWall(clock.wall() - 24 * hour)
    await clock.advance(600_000)
    await client.getAccessToken()
    expect(server.count(refreshPath)).toBe(0)
    await clock.advance(400_000)
    await client.getAccessToken()
    clock.setWall(clock.wall() + 24 * hour)
    await client.getAccessToken()
    await client.getAccessToken()
    expect(server.count(refreshPath)).toBe(2)
  })

  it('that were set back between two runs are not believed', async () => {
    const storage = memoryStorage()
    const { server, clock, connect } = await loggedIn({ storage })
    clock.setWall(clock.wall() - 24 * hour)
    await connect().getAccessToken()
    expect(server.count(refreshPath)).toBe(1)
  })
})
