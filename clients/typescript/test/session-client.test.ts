import { afterEach, describe, expect, it } from '@jest/globals'
import { IDBFactory } from 'fake-indexeddb'
import { indexedDbStorage, memoryStorage, SessionClient, type SessionClientOptions } from '../src/index.ts'
import { cookies } from '../src/storage/cookies.ts'
import { ada, code, refreshKeys, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000

function alone(options: Partial<SessionClientOptions> = {}) {
  const { server, clock, errors } = world()
  const connect = (more: Partial<SessionClientOptions> = {}) =>
    new SessionClient({
      baseUrl: server.issuer,
      fetch: server.fetch,
      clock,
      onError: (error) => void errors.push(error),
      ...options,
      ...more,
    })
  return { server, clock, errors, connect, client: connect() }
}

/** Memory that fails on demand. */
function fragile() {
  const records = memoryStorage()
  const state = { broken: false }
  const check = () => {
    if (state.broken) throw new Error('The disk is full.')
  }
  return {
    ...records,
    state,
    get(key: string) {
      check()
      return records.get(key)
    },
    advance(key: string, record: string, gen: number) {
      check()
      return records.advance(key, record, gen)
    },
  }
}

describe('the session alone', () => {
  afterEach(() => {
    delete (globalThis as Record<string, unknown>).indexedDB
  })

  it('goes from login to logout, and through a lost reply', async () => {
    const { client, server, clock } = alone()
    const news: string[] = []
    client.onChange(({ type }) => void news.push(type))
    await client.login(ada)
    server.script(refreshPath, { do: 'lose_reply' })
    await clock.advance(hour)
    await Promise.all(Array.from({ length: 20 }, () => client.getAccessToken()))
    const [first, second] = refreshKeys(server)
    expect([second, server.count(refreshPath)]).toEqual([first, 2])
    expect(await client.logout()).toEqual({ remote: 'done' })
    expect(news).toEqual(['initial', 'logged_in', 'token_refreshed', 'logged_out'])
    expect(await code(client.getAccessToken())).toBe('no_session')
  })

  it('is not ended by what is no word of the server, and is by what is', async () => {
    const { client, server, clock } = alone()
    await client.login(ada)
    await clock.advance(hour)
    server.always({ do: 'status', status: 429 })
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    server.always(null)
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
    server.endSessions({ sessionId: client.state.session!.id }, 'admin')
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('session_ended')
  })

  it('is found again in IndexedDB, and follows what another tab does', async () => {
    globalThis.indexedDB = new IDBFactory()
    const { client, connect } = alone({ storage: indexedDbStorage() })
    await client.login(ada)
    const other = connect({ storage: indexedDbStorage() })
    expect((await other.ready()).status).toBe('active')
    const told = new Promise<string>((resolve) => {
      other.onChange(({ reason }) => void (reason && resolve(reason)))
    })
    await client.logout()
    expect(await told).toBe('user')
    await Promise.all([client.close(), other.close()])
  })

  it('rests in a cookie where that is passed in', async () => {
    const storage = memoryStorage()
    const { client, server, clock } = alone({ storage, storageKey: 'key', delivery: cookies() })
    await client.login(ada)
    expect(server.cookie()).toMatch(/^nttr_/)
    expect(await storage.get('key')).not.toContain('nttr_')
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
    await client.logout()
    expect(server.cookie()).toBeNull()
  })

  it('is left offline for good: the server is not told later, and no token stays', async () => {
    const storage = memoryStorage()
    const { client, server, connect } = alone({ storage, storageKey: 'key' })
    await client.login(ada)
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'failed' })
    expect(await storage.get('key')).not.toContain('nttr_')
    server.always(null)
    const before = server.requests.length
    expect((await connect().ready()).status).toBe('logged_out')
    expect(server.requests).toHaveLength(before)
  })

  it('fails a call whose storage fails, keeps the session, and tries again at the next call', async () => {
    const storage = fragile()
    const { client, clock } = alone({ storage })
    storage.state.broken = true
    await expect(client.ready()).rejects.toThrow('The disk is full.')
    await expect(client.login(ada)).rejects.toThrow('The disk is full.')
    storage.state.broken = false
    await client.login(ada)
    await clock.advance(hour)
    storage.state.broken = true
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    storage.state.broken = false
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
  })
})
