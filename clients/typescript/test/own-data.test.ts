import { describe, expect, it } from '@jest/globals'
import { ada, loggedIn } from './support/setup.ts'

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
