import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthClient, memoryStorage } from '../src/index.ts'
import { type FaultProxy, startProxy } from './support/proxy.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, loggedIn } from './support/setup.ts'

const me = '/v1/users/me'
const day = 86_400_000

describe("one's own data", () => {
  it('is had whole, however many pages the server makes of it', async () => {
    const { client, server } = await loggedIn()
    const page = (audit: string[], next_cursor: string | null) => ({
      do: 'answer' as const,
      with: () => Response.json({ exported_at: 'now', user: { email: ada.email }, sessions: [], audit, next_cursor }),
    })
    server.script(`${me}/export`, page(['c', 'b'], 'more'), page(['a'], null))
    expect(await client.exportData()).toEqual({
      exported_at: 'now',
      user: { email: ada.email },
      sessions: [],
      audit: ['c', 'b', 'a'],
      next_cursor: null,
    })
    expect(server.requests.at(-1)!.path).toContain('cursor=more')
    expect((await client.exportData()).sessions).toHaveLength(1)
  })
})

describe('an account that is deleted', () => {
  it('is gone at once, or planned to be, or nobody knows because the answer got lost', async () => {
    const now = await loggedIn()
    expect(await now.client.deleteAccount({ password: ada.password })).toEqual({ status: 'deleted' })
    const later = await loggedIn({}, { deletionDelay: 14 * 86_400 })
    const dueAt = new Date(later.clock.wall() + 14 * day)
    expect(await later.client.deleteAccount({ password: ada.password })).toEqual({ status: 'deletion_planned', dueAt })
    expect(later.client.state).toMatchObject({ status: 'logged_out', reason: 'deleted' })
    const lost = await loggedIn()
    lost.server.script(me, { do: 'lose_reply' })
    expect(await lost.client.deleteAccount({ password: ada.password })).toEqual({ status: 'unknown' })
    expect(lost.client.state.status).toBe('logged_out')
  })
})

describe('own data at the real server', () => {
  let server: RealServer
  let proxy: FaultProxy

  beforeAll(async () => {
    server = await startServer({ DELETION_DELAY: '14d' })
    proxy = await startProxy(server.address)
  })
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })

  it('is taken along, and the account is kept by a login before it is due', async () => {
    const client = new AuthClient({ baseUrl: proxy.address, storage: memoryStorage() })
    await client.register(ada)
    const { user, sessions, audit, next_cursor } = await client.exportData()
    expect(user.email).toBe(ada.email)
    expect(sessions.filter(({ current }) => current)).toHaveLength(1)
    expect(audit.map(({ event }) => event)).toContain('user_registered')
    expect(next_cursor).toBeNull()
    expect(await code(client.deleteAccount({ password: 'wrong' }))).toBe('invalid_password')
    const result = await client.deleteAccount({ password: ada.password })
    if (result.status !== 'deletion_planned') throw new Error(`It was ${result.status}.`)
    expect(Math.abs(result.dueAt.getTime() - Date.now() - 14 * day)).toBeLessThan(3_600_000)
    expect(client.state).toMatchObject({ status: 'logged_out', reason: 'deleted' })
    expect((await client.login(ada)).user.email).toBe(ada.email)
    proxy.script(me, [{ do: 'lose_reply' }])
    expect(await client.deleteAccount({ password: ada.password })).toEqual({ status: 'unknown' })
  })
})
