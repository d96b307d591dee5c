import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { IDBFactory } from 'fake-indexeddb'
import { indexedDbStorage, memoryStorage, type SessionStorage } from '../src/index.ts'
import { cookies } from '../src/storage/cookies.ts'
import { ada, code, eventually, gate, loggedIn, refreshKeys, refreshPath, world } from './support/setup.ts'

const globals = globalThis as Record<string, unknown>
const hour = 3_600_000
const logoutPath = '/v1/auth/logout'

/** Web Locks as pages of one origin have them. */
function webLocks() {
  const queues = new Map<string, Promise<unknown>>()
  return {
    request<T>(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
      const before = queues.get(name) ?? Promise.resolve()
      const given = new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        before.then(() => resolve())
      })
      const done = given.then(work)
      queues.set(name, Promise.all([before, done.catch(() => undefined)]))
      return done
    },
  }
}

let storage: SessionStorage
const stored = async () => JSON.parse((await storage.get('login'))!)
const inCookie = () => ({ delivery: cookies(), storage, storageKey: 'login' })
const before = { navigator: Object.getOwnPropertyDescriptor(globals, 'navigator') }
const useLocks = (locks: unknown) =>
  Object.defineProperty(globals, 'navigator', { value: { locks }, configurable: true, writable: true })

beforeEach(() => {
  globals.indexedDB = new IDBFactory()
  storage = indexedDbStorage()
  useLocks(webLocks())
})
afterEach(() => {
  delete globals.indexedDB
  if (before.navigator) Object.defineProperty(globals, 'navigator', before.navigator)
})

describe('a session in a cookie', () => {
  it('is asked for at login, and no token of it is written down', async () => {
    const { client, server } = await loggedIn(inCookie())
    expect(server.requests[0]).toMatchObject({ path: '/v1/auth/login', body: { delivery: 'cookie' } })
    expect(server.cookie()).toMatch(/^nttr_/)
    const text = (await storage.get('login'))!
    expect(text).not.toContain('nttr_')
    expect(text).not.toContain(await client.getAccessToken())
    expect(await stored()).toMatchObject({ at: '', rk: expect.stringMatching(/^\d{1,3}(-\d{1,3}){15}$/), n: 0 })
  })

  it('is opened by a registration as well', async () => {
    const { client, server } = world(inCookie())
    await client.register({ email: 'grace@example.com', password: 'a moth in the relay' })
    expect(server.cookie()).toMatch(/^nttr_/)
    expect((await stored()).at).toBe('')
  })

  it('is refreshed by an empty object and the key, and gets a fresh key with every answer', async () => {
    const { client, server, clock } = await loggedIn(inCookie())
    const keys = [(await stored()).rk]
    for (let round = 0; round < 3; round++) {
      await clock.advance(hour)
      await client.getAccessToken()
      keys.push((await stored()).rk)
    }
    expect(refreshKeys(server)).toEqual(keys.slice(0, 3))
    expect(new Set(keys).size).toBe(4)
    expect(server.requests.filter(({ path }) => path === refreshPath).map(({ body }) => body)).toEqual([{}, {}, {}])
  })

  it('never sends what might answer after the page is gone', async () => {
    const kept: unknown[] = []
    const { client, clock, server } = world({
      ...inCookie(),
      fetch: (input, init) => {
        kept.push(!!init?.keepalive, init?.credentials)
        return server.fetch(input, init)
      },
    })
    await client.login(ada)
    await clock.advance(hour)
    await client.getAccessToken()
    await client.logout()
    expect(new Set(kept)).toEqual(new Set([false, 'include']))
  })

  it('survives a lost reply: the old cookie with the old key', async () => {
    const { client, server, clock } = await loggedIn(inCookie())
    server.script(refreshPath, { do: 'lose_reply' })
    await clock.advance(hour)
    await client.getAccessToken()
    const [first, second] = refreshKeys(server)
    expect(first).toBe(second)
    await client.refresh()
    expect(client.state.session).toMatchObject({ generation: 2 })
  })

  it('survives a tab that dies between the cookie and the key', async () => {
    const { client, server, clock } = await loggedIn(inCookie())
    const key = (await stored()).rk
    await clock.advance(hour)
    await server.fetch(`${server.issuer}${refreshPath}`, {
      method: 'POST',
      credentials: 'include',
      headers: { 'refresh-key': key },
      body: '{}',
    })
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(client.state.session!.generation).toBe(2)
  })

  it('is refreshed once by two clients of one page', async () => {
    const { client, connect, server, clock } = await loggedIn(inCookie())
    const other = connect()
    await other.ready()
    await clock.advance(hour)
    const tokens = await Promise.all([client.getAccessToken(), other.getAccessToken()])
    await eventually(async () => (await other.getSession())!.generation === 1)
    expect(new Set(tokens).size).toBe(1)
    expect(server.count(refreshPath)).toBe(1)
  })

  it('waits for its turn, and fails for now rather than go without it', async () => {
    const { client, server, clock } = await loggedIn({ ...inCookie(), timeoutMs: 100 })
    const { until, open } = gate()
    const holder = navigator.locks.request(
      'indexeddb:ntt-auth login',
      { signal: new AbortController().signal },
      () => until,
    )
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(await code(client.login(ada))).toBe('timeout')
    expect(server.count(refreshPath)).toBe(0)
    open()
    await holder
    expect((await client.refresh()).generation).toBe(1)
  })

  it('keeps its key when the password changes', async () => {
    const { client, server } = await loggedIn(inCookie())
    const { rk } = await stored()
    await client.changePassword({ current_password: ada.password, new_password: 'a quieter engine of silk' })
    expect(await stored()).toMatchObject({ rk, at: '', n: 0 })
    await client.refresh()
    expect(refreshKeys(server)).toEqual([rk])
  })

  it('ends by a logout, and so does its cookie', async () => {
    const { client, server } = await loggedIn(inCookie())
    const { id } = (await client.getSession())!
    expect(await client.logout()).toEqual({ remote: 'done' })
    expect(server.requests.at(-1)).toMatchObject({ path: logoutPath, body: { scope: 'this' } })
    expect(server.session(id)!.ended).toBe('logout')
    expect(server.cookie()).toBeNull()
  })

  it('that was left offline is ended before the next login replaces its cookie', async () => {
    const { client, server } = await loggedIn(inCookie())
    const { id } = (await client.getSession())!
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'queued' })
    server.always(null)
    await client.login(ada)
    expect(server.session(id)!.ended).toBe('logout')
    expect(client.state.status).toBe('active')
    expect(server.cookie()).toContain(client.state.session!.id)
  })

  it('is not ended by a logout of the one before', async () => {
    const { client, connect, server } = await loggedIn(inCookie())
    server.always({ do: 'lose_request' })
    await client.logout()
    server.always(null)
    const fresh = await loggedIn({ ...inCookie(), storageKey: 'other' })
    await storage.advance('login', (await storage.get('other'))!.replace(/"gen":\d+/, '"gen":50'), 50)
    const count = server.count(logoutPath)
    const next = connect()
    await next.ready()
    await eventually(async () => JSON.parse((await storage.get('login.logouts'))!).items.length === 0)
    expect(server.count(logoutPath)).toBe(count)
    await fresh.client.close()
  })

  it('ends here when the browser has no cookie any more, and says so', async () => {
    const { client, server, clock } = await loggedIn(inCookie())
    await server.fetch(`${server.issuer}${logoutPath}`, { method: 'POST', credentials: 'include', body: '{}' })
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('no_session')
    expect(client.state).toMatchObject({ status: 'logged_out', reason: 'cookie_lost' })
  })

  it('that replaced another one in another tab is not served with the token of that one', async () => {
    const { client, connect, server } = await loggedIn(inCookie())
    const old = await client.getAccessToken()
    const grace = { email: 'grace@example.com', password: 'a moth in the relay' }
    server.addUser(grace)
    const other = connect({ storageKey: 'other' })
    await other.login(grace)
    const record = JSON.parse((await storage.get('other'))!)
    await storage.advance('login', JSON.stringify({ ...record, gen: 50 }), 50)
    expect((await connect().ready()).session).toMatchObject({ id: record.sid, userId: record.sub })
    await eventually(() => client.state.session?.id === record.sid)
    expect(await client.getAccessToken()).not.toBe(old)
    expect(client.state.session!.id).toBe(record.sid)
  })

  it('account and all is deleted with its cookie', async () => {
    const { client, server } = await loggedIn(inCookie())
    await client.deleteAccount({ password: ada.password })
    expect(server.cookie()).toBeNull()
  })
})

describe('without what tabs need to take turns there is no key', () => {
  const keyOf = async (options: object) => {
    const { client, server } = await loggedIn({ ...inCookie(), ...options })
    await client.refresh()
    await client.refresh()
    expect(refreshKeys(server)).toEqual([null, null])
    expect(client.state.status).toBe('active')
  }

  it('where the browser has no Web Locks', async () => {
    useLocks(undefined)
    await keyOf({})
    expect(await stored()).not.toHaveProperty('rk')
  })

  it('where the program wants none', () => keyOf({ lock: 'none' }))
  it('where only this page sees the storage', () => keyOf({ storage: memoryStorage() }))

  it('where IndexedDB fails', async () => {
    const broken = () => Promise.reject(new Error('no database'))
    await keyOf({ storage: { ...storage, get: broken, advance: broken } })
  })
})
