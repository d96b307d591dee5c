import { describe, expect, it } from '@jest/globals'
import { memoryStorage } from '../src/index.ts'
import { ada, code, eventually, gate, listenTo, loggedIn, refreshPath } from './support/setup.ts'

const hour = 3_600_000
const bob = { email: 'bob@example.com', password: 'a quiet loom of silk' }
const api = 'https://api.test/transfer'

/** Ada's client, and another process on the same store that logs out and in as Bob, unheard. */
async function taken(options: Parameters<typeof loggedIn>[0] = {}) {
  const records = memoryStorage()
  const setup = await loggedIn({ storage: records, storageKey: 'key', ...options })
  const user = await setup.client.getUser()
  const other = setup.connect({ storage: { ...records } })
  setup.server.addUser(bob)
  const takeOver = async () => {
    await other.logout()
    return (await other.login(bob)).user
  }
  return { ...setup, records, user, other, takeOver }
}
const reasonOf = (work: Promise<unknown>) => work.then(String, (error) => [error.code, error.endReason].join(' '))

describe('a call that one user began', () => {
  it.each([
    ['updateUser', (client) => client.updateUser({ name: 'Ada' })],
    ['changePassword', (client) => client.changePassword({ current_password: bob.password, new_password: 'x' })],
    ['deleteAccount', (client) => client.deleteAccount({ password: bob.password })],
    ['sessions.list', (client) => client.sessions.list()],
  ] as [string, (client: Awaited<ReturnType<typeof taken>>['client']) => Promise<unknown>][])(
    'is not repeated as another one who logged in: %s',
    async (_name, work) => {
      const { client, other, takeOver } = await taken()
      const user = await takeOver()
      expect(await reasonOf(work(client))).toBe('no_session other_user')
      expect(await other.getUser({ fresh: true })).toEqual(user)
      expect(other.state.status).toBe('active')
    },
  )

  it('is not repeated as another one: fetch', async () => {
    const sent: string[] = []
    const { client, server, takeOver } = await taken()
    const fetching: typeof fetch = async (input, init) => {
      if (input !== api) return server.fetch(input, init)
      sent.push(new Headers(init!.headers).get('authorization')!)
      return new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
    }
    Object.assign(Reflect.get(client, 'settings'), { fetch: fetching })
    await takeOver()
    expect((await client.fetch(api, { method: 'POST', body: 'from Ada' })).status).toBe(401)
    expect(sent).toHaveLength(1)
  })

  it('is not repeated as another one who logged in here while it was on its way', async () => {
    const { client, server } = await taken()
    const sent: string[] = []
    const fetching: typeof fetch = async (input, init) => {
      if (input !== api) return server.fetch(input, init)
      sent.push(new Headers(init!.headers).get('authorization')!)
      if (sent.length === 1) await client.login(bob)
      return new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
    }
    Object.assign(Reflect.get(client, 'settings'), { fetch: fetching })
    expect((await client.fetch(api, { method: 'POST', body: 'from Ada' })).status).toBe(401)
    expect(sent).toHaveLength(1)
  })

  it('gets no token of another one who logged in while it waited', async () => {
    const { client, server, clock } = await taken()
    await clock.advance(hour)
    const held = gate()
    server.script(refreshPath, { do: 'wait', until: held.until })
    const waiting = reasonOf(client.getAccessToken())
    await eventually(() => server.count(refreshPath) === 1)
    await client.login(bob)
    expect(await waiting).toBe('no_session other_user')
    held.open()
    expect(await code(client.getAccessToken())).toBe('fine')
  })

  it('gets no token of another one that a refresh finds in the store', async () => {
    const { client, clock, takeOver } = await taken()
    await clock.advance(hour)
    const { id } = await takeOver()
    expect(await reasonOf(client.getAccessToken())).toBe('no_session other_user')
    // From now on it is his.
    expect(client.state.session!.userId).toBe(id)
    expect((await client.getUser()).email).toBe(bob.email)
  })

  it('changes a password and tells of that session, whoever is logged in by then', async () => {
    const { client, server, user, other, takeOver } = await taken()
    const { id } = client.state.session!
    const held = gate()
    let isChanged = false
    const answersLate: typeof fetch = async (input, init) => {
      const response = await server.fetch(input, init)
      if (String(input).endsWith('/password')) {
        isChanged = true
        await held.until
      }
      return response
    }
    Object.assign(Reflect.get(client, 'settings'), { fetch: answersLate })
    const changing = client.changePassword({ current_password: ada.password, new_password: 'a slow brown river' })
    await eventually(() => isChanged)
    const bobs = await takeOver()
    held.open()
    expect(await changing).toMatchObject({ id, userId: user.id })
    expect(client.state.session!.userId).toBe(bobs.id)
    expect((await client.getUser()).email).toBe(bob.email)
    expect(other.state.status).toBe('active')
  })

  it('ends its own session by a logout, and not the one of another who logged in', async () => {
    const { client, server, other, takeOver } = await taken()
    const { id } = client.state.session!
    await takeOver()
    expect(await client.logout()).toEqual({ remote: 'done' })
    expect(server.session(id)!.ended).toBe('logout')
    expect(server.session(other.state.session!.id)!.ended).toBeNull()
    expect(await code(other.refresh())).toBe('fine')
  })
})

describe('the user', () => {
  it('is the one whose session this is, also after another tab logged in as somebody else', async () => {
    let changed = () => {}
    const { client, connect, records, takeOver, user } = await taken()
    const tab = connect({
      storage: {
        ...records,
        subscribe(_key: string, each: () => void) {
          changed = each
          return () => undefined
        },
      },
    })
    const seen = listenTo(tab)
    expect(await tab.getUser()).toEqual(user)
    expect(await client.getUser()).toEqual(user)
    const next = await takeOver()
    changed()
    await eventually(() => tab.state.session?.userId === next.id)
    expect((await tab.getUser()).email).toBe(bob.email)
    expect(seen.types()).toEqual(['initial', 'user_updated', 'logged_in', 'user_updated'])
  })

  it('is the one who is logged in, also after a refresh that found somebody else', async () => {
    const { client, takeOver } = await taken()
    await takeOver()
    await code(client.refresh())
    expect((await client.getUser()).email).toBe(bob.email)
    expect(ada.email).not.toBe(bob.email)
  })
})

describe('what one user began, where another one logs in before it is done', () => {
  it('ends by a deletion only what was theirs', async () => {
    const { client, server } = await loggedIn()
    server.addUser(bob)
    const held = gate()
    server.script('/v1/users/me', { do: 'wait', until: held.until })
    const deleting = client.deleteAccount({ password: ada.password })
    await eventually(() => server.count('/v1/users/me') === 1)
    const { user } = await client.login(bob)
    held.open()
    expect(await deleting).toEqual({ status: 'deleted' })
    expect(client.state).toMatchObject({ status: 'active', session: { userId: user.id } })
    expect(await code(client.refresh())).toBe('fine')
  })

  it('is no list of both: data and sessions', async () => {
    const { client, server } = await loggedIn()
    server.addUser(bob)
    const page = {
      do: 'answer',
      with: () => Response.json({ audit: ['x'], items: ['x'], next_cursor: 'more' }),
    } as const
    server.script('/v1/users/me/sessions', page)
    const sessions = client.sessions.all()[Symbol.asyncIterator]()
    await sessions.next()
    const held = gate()
    server.script('/v1/users/me/export', { do: 'answer', with: () => held.until.then(page.with) })
    const exporting = reasonOf(client.exportData())
    await eventually(() => server.count('/v1/users/me/export') === 1)
    await client.login(bob)
    held.open()
    expect(await exporting).toBe('no_session other_user')
    expect(await reasonOf(sessions.next())).toBe('no_session other_user')
  })
})
