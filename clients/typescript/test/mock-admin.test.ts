import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type Admin, createAdmin } from '../src/admin/index.ts'
import { AuthClient, type AuthError, type User } from '../src/index.ts'
import { mockAuthServer, virtualClock } from '../src/testing/index.ts'
import { administratorsOf } from './support/administrators.ts'
import { contract, flawsFound, heldToContract } from './support/contract.ts'
import { type RealServer, startServer } from './support/server.ts'
import { code, heardOf } from './support/setup.ts'

const password = 'engine of brass and steam'
const newPassword = 'a quieter engine of silk'
const unknownId = '01a20faf-d34d-7590-b8c0-be7e925185e9'
const anyInput = (input: unknown) => input as never

/** An administrator, and somebody who is administered: what a case does must come out the same, whoever answers. */
type Stage = {
  admin: Admin
  root: AuthClient
  user: User
  /** The user's own client, logged in. */
  client: AuthClient
  /** A client that is not. */
  stranger(): AuthClient
  /** An administration in somebody else's name. */
  as(caller: unknown): Admin
  /** Of nobody else. */
  word: string
}

const reason = (error: AuthError) => `${error.code} ${error.endReason}`
const told = (work: Promise<unknown>) => work.then(() => 'fine', reason)
async function allOf<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const each of list) items.push(each)
  return items
}
/** What does not differ from one server to the next. */
const lasting = ({ id, created_at, updated_at, last_login_at, email, ...rest }: User) => rest
const several = async ({ admin, word }: Stage) => {
  for (const name of ['Émile Zola', 'Anne-Marie Curie', 'Zora']) {
    await admin.users.create({ email: `${name[0]}${word}@example.com`.replace('É', 'e'), name, roles: [`r${word}`] })
  }
}

const cases: Record<string, (stage: Stage) => unknown> = {
  'list: somebody without the role': ({ as, client }) => as(client).users.list().page(),
  'list: nobody': ({ as }) => as({ accessToken: 'x' }).users.list().page(),
  'list: pages, newest first': async (stage) => {
    await several(stage)
    const found = await allOf(stage.admin.users.list({ role: `r${stage.word}`, limit: 2 }))
    const list = stage.admin.users.list({ role: `r${stage.word}`, limit: 2 })
    const { items, nextCursor } = await list.page()
    return [found.map(({ name }) => name), items.length, nextCursor !== null, (await list.page(nextCursor!)).nextCursor]
  },
  'list: oldest first': async (stage) => {
    await several(stage)
    const list = stage.admin.users.list({ role: `r${stage.word}`, sort: 'created_at', limit: 1 })
    return (await allOf(list)).map(({ name }) => name)
  },
  'list: by address': async (stage) => {
    await several(stage)
    const list = stage.admin.users.list({ role: `r${stage.word}`, sort: 'email', limit: 1 })
    return (await allOf(list)).map(({ name }) => name)
  },
  'list: what is searched for': async (stage) => {
    await several(stage)
    const role = `r${stage.word}`
    const names = async (q: string) => (await allOf(stage.admin.users.list({ role, q }))).map(({ name }) => name)
    return Promise.all(['', 'emile', 'MARIE', 'zo', 'cur ann', 'ola', `z${stage.word}`, '%', 'example'].map(names))
  },
  'list: by status': async (stage) => {
    await several(stage)
    const role = `r${stage.word}`
    const [one] = (await stage.admin.users.list({ role }).page()).items
    await stage.admin.users.disable(one!.id)
    const count = async (status: 'active' | 'pending' | 'disabled') =>
      (await allOf(stage.admin.users.list({ role, status }))).length
    return [await count('active'), await count('pending'), await count('disabled')]
  },
  'list: by time': async ({ admin, user, word }) => {
    const at = (ms: number) => new Date(Date.parse(user.created_at) + ms).toISOString()
    const count = async (query: object) => (await allOf(admin.users.list({ q: word, ...query }))).length
    return [
      await count({ created_after: at(0) }),
      await count({ created_after: at(1000) }),
      await count({ created_before: at(0) }),
      await count({ created_before: at(1) }),
    ]
  },
  'list: none on a page': ({ admin }) => admin.users.list({ limit: 0 }).page(),
  'list: too many on a page': ({ admin }) => admin.users.list({ limit: 201 }).page(),
  'list: an unknown order': ({ admin }) => admin.users.list({ sort: anyInput('name') }).page(),
  'list: an unknown question': ({ admin }) => admin.users.list(anyInput({ name: 'x' })).page(),
  'list: an unknown status, and a role that is none': ({ admin }) =>
    admin.users.list({ status: anyInput('gone'), role: 'Äh' }).page(),
  'list: no time': ({ admin }) => admin.users.list({ created_after: 'the day before yesterday' }).page(),
  'list: a cursor of nobody': ({ admin }) => admin.users.list().page('x'),
  'list: a cursor of another order': async ({ admin }) => {
    const { nextCursor } = await admin.users.list({ limit: 1 }).page()
    return admin.users.list({ sort: 'email' }).page(nextCursor!)
  },
  'create: with a password': async ({ admin, word, stranger }) => {
    const email = `New-${word}@example.com`
    const input = {
      email,
      password,
      name: 'New',
      locale: 'de',
      roles: ['a.b'],
      email_verified: true,
      metadata: { a: 1 },
    }
    const { invitation, ...user } = await admin.users.create(input)
    return [
      lasting(user),
      user.email === email.toLowerCase(),
      invitation,
      await told(stranger().login({ email, password })),
    ]
  },
  'create: an invitation': async ({ admin, word, stranger }) => {
    const email = `new-${word}@example.com`
    const { invitation, ...user } = await admin.users.create({ email, name: null })
    const early = await told(stranger().login({ email, password }))
    await stranger().resetPassword({ token: invitation!.token, new_password: newPassword })
    const again = await told(stranger().resetPassword({ token: invitation!.token, new_password: password }))
    const later = await admin.users.get(user.id)
    const { link, token, expires_at } = invitation!
    const hours = Math.round((Date.parse(expires_at) - Date.parse(user.created_at)) / 3_600_000)
    const entered = await told(stranger().login({ email, password: newPassword }))
    return [lasting(user), early, again, lasting(later), hours, new URL(link).pathname, link.endsWith(token), entered]
  },
  'create: a taken address': ({ admin, user }) => admin.users.create({ email: user.email.toUpperCase() }),
  'create: a weak password': ({ admin, word }) => admin.users.create({ email: `x${word}@example.com`, password: 'a' }),
  'create: no address': ({ admin }) => admin.users.create({ email: 'nope' }),
  'create: nothing': ({ admin }) => admin.users.create(anyInput({})),
  'create: what is wrong everywhere': ({ admin, word }) =>
    admin.users.create(
      anyInput({
        email: `x${word}@example.com`,
        name: '',
        roles: ['a', 'B'],
        email_verified: 'yes',
        metadata: [],
        id: 1,
      }),
    ),
  'create: one role twice': ({ admin, word }) =>
    admin.users.create({ email: `x${word}@example.com`, roles: ['a', 'a'] }),
  'create: by somebody without the role': ({ as, client, word }) =>
    as(client).users.create({ email: `x${word}@example.com` }),
  'read: somebody': async ({ admin, user }) => lasting(await admin.users.get(user.id)),
  'read: nobody': ({ admin }) => admin.users.get(unknownId),
  'read: what is no id': ({ admin }) => admin.users.get('x'),
  'read: by somebody without the role': ({ as, client, user }) => as(client).users.get(user.id),
  'update: what is so already': async ({ admin, user }) => {
    const { updated_at } = await admin.users.update(user.id, { name: user.name, roles: [], email: user.email })
    return updated_at === (await admin.users.get(user.id)).updated_at
  },
  'update: everything': async ({ admin, user, word }) => {
    const email = `Moved-${word}@example.com`
    const change = { email, name: 'Moved', locale: 'fr', roles: ['b', 'a'], metadata: { moved: true } }
    const moved = await admin.users.update(user.id, change)
    return [lasting(moved), moved.email === email.toLowerCase()]
  },
  'update: a new address is not verified, unless told': async ({ admin, user, word }) => {
    await admin.users.update(user.id, { email_verified: true })
    const moved = await admin.users.update(user.id, { email: `a${word}@example.com` })
    const known = await admin.users.update(user.id, { email: `b${word}@example.com`, email_verified: true })
    return [moved.email_verified, known.email_verified]
  },
  'update: a taken address': ({ admin, user, root }) =>
    root.getUser().then(({ email }) => admin.users.update(user.id, { email })),
  'update: nothing': ({ admin, user }) => admin.users.update(user.id, {}),
  'update: a password, and no role': ({ admin, user }) =>
    admin.users.update(user.id, anyInput({ password, roles: [7] })),
  'update: nobody': ({ admin }) => admin.users.update(unknownId, { name: 'x' }),
  'update: other roles end the tokens, and not the session': async ({ admin, user, client, as }) => {
    const former = await client.getAccessToken()
    await admin.users.update(user.id, { roles: ['admin'] })
    const old = await told(as({ accessToken: former }).users.get(user.id))
    const token = await client.getAccessToken({ forceRefresh: true })
    const renewed = await told(as({ accessToken: token }).users.get(user.id))
    await admin.users.update(user.id, { roles: [] })
    const taken = await told(as({ accessToken: token }).users.get(user.id))
    const last = await client.getAccessToken({ forceRefresh: true })
    return [old, renewed, taken, await told(as({ accessToken: last }).users.get(user.id)), client.state.status]
  },
  'update: the last administrator': async ({ admin, root }) =>
    admin.users.update((await root.getUser()).id, { roles: [] }),
  'disable, and enable': async ({ admin, user, client, stranger }) => {
    await admin.users.disable(user.id)
    await admin.users.disable(user.id)
    const ended = await told(client.refresh())
    const { status } = await admin.users.get(user.id)
    const wrong = await told(stranger().login({ email: user.email, password: 'x' }))
    const right = await told(stranger().login({ email: user.email, password }))
    await admin.users.enable(user.id)
    await admin.users.enable(user.id)
    const entered = await told(stranger().login({ email: user.email, password }))
    return [ended, status, wrong, right, (await admin.users.get(user.id)).status, entered]
  },
  'disable: who was invited is pending again afterwards, without the invitation': async ({ admin, word, stranger }) => {
    const { id, invitation } = await admin.users.create({ email: `x${word}@example.com` })
    await admin.users.disable(id)
    await admin.users.enable(id)
    const { token } = invitation!
    return [
      (await admin.users.get(id)).status,
      await told(stranger().resetPassword({ token, new_password: newPassword })),
    ]
  },
  'disable: the last administrator': async ({ admin, root }) => admin.users.disable((await root.getUser()).id),
  'disable: nobody': ({ admin }) => admin.users.disable(unknownId),
  'disable: by somebody without the role': ({ as, client, user }) => as(client).users.disable(user.id),
  'enable: nobody': ({ admin }) => admin.users.enable(unknownId),
  'unlock: somebody': ({ admin, user }) => admin.users.unlock(user.id),
  'unlock: nobody': ({ admin }) => admin.users.unlock(unknownId),
  'logout: every session, with its reason': async ({ admin, user, client }) => {
    await admin.users.logout(user.id)
    await admin.users.logout(user.id)
    return told(client.refresh())
  },
  'logout: nobody': ({ admin }) => admin.users.logout(unknownId),
  'logout: by somebody without the role': ({ as, client, user }) => as(client).users.logout(user.id),
  'sessions: pages, newest first': async ({ admin, user, stranger }) => {
    for (const device_name of ['phone', 'desk']) await stranger().login({ email: user.email, password, device_name })
    const found = await allOf(admin.users.sessions(user.id))
    return found.map(({ device_name, current, ended_at, end_reason }) => [device_name, current, ended_at, end_reason])
  },
  'sessions: one is the administrator’s own': async ({ admin, root }) =>
    (await admin.users.sessions((await root.getUser()).id).page()).items.filter(({ current }) => current).length,
  'sessions: of nobody': ({ admin }) => admin.users.sessions(unknownId).page(),
  'sessions: a cursor of nobody': ({ admin, user }) => admin.users.sessions(user.id).page('x'),
  'sessions: end one': async ({ admin, user, client }) => {
    const id = client.state.session!.id
    await admin.users.endSession(user.id, id)
    await admin.users.endSession(user.id, id)
    const [session] = (await admin.users.sessions(user.id).page()).items
    return [await told(client.refresh()), session!.end_reason]
  },
  'sessions: end somebody else’s': ({ admin, user, root }) => admin.users.endSession(user.id, root.state.session!.id),
  'sessions: end what is no id, of nobody': ({ admin }) => admin.users.endSession('x', 'y'),
  'delete: with the sessions': async ({ admin, user, client, stranger, word }) => {
    await admin.users.delete(user.id)
    const gone = await told(admin.users.get(user.id))
    const entered = await told(stranger().login({ email: user.email, password }))
    const ended = await told(client.refresh())
    const again = await told(stranger().register({ email: user.email, password }))
    return [gone, entered, ended, again, (await allOf(admin.users.list({ q: word }))).length]
  },
  'delete: nobody': ({ admin }) => admin.users.delete(unknownId),
  'delete: the last administrator': async ({ admin, root }) => admin.users.delete((await root.getUser()).id),
  'delete: the last administrator, by itself': ({ root }) => root.deleteAccount({ password }),
  'delete: by somebody without the role': ({ as, client, user }) => as(client).users.delete(user.id),
  'reset: the link, once; the former password until then': async ({ admin, user, client, stranger }) => {
    const first = await admin.users.resetPassword(user.id)
    const second = await admin.users.resetPassword(user.id)
    const replaced = await told(stranger().resetPassword({ token: first!.token, new_password: newPassword }))
    const former = await told(stranger().login({ email: user.email, password }))
    const weak = await told(stranger().resetPassword({ token: second!.token, new_password: 'a' }))
    await stranger().resetPassword({ token: second!.token, new_password: newPassword })
    const entered = await told(stranger().login({ email: user.email, password: newPassword }))
    const { email_verified } = await admin.users.get(user.id)
    return [replaced, former, weak, entered, await told(client.refresh()), email_verified, Object.keys(second!).sort()]
  },
  'reset: of who was invited': async ({ admin, word, stranger }) => {
    const { id, invitation } = await admin.users.create({ email: `x${word}@example.com` })
    const link = await admin.users.resetPassword(id)
    const old = await told(stranger().resetPassword({ token: invitation!.token, new_password: newPassword }))
    return [old, await told(stranger().resetPassword({ token: link!.token, new_password: newPassword }))]
  },
  'reset: a link does not outlive the address': async ({ admin, user, stranger, word }) => {
    const link = await admin.users.resetPassword(user.id)
    await admin.users.update(user.id, { email: `moved${word}@example.com` })
    return stranger().resetPassword({ token: link!.token, new_password: newPassword })
  },
  'reset: of who is disabled': async ({ admin, user }) => {
    await admin.users.disable(user.id)
    return admin.users.resetPassword(user.id)
  },
  'reset: of nobody': ({ admin }) => admin.users.resetPassword(unknownId),
  'reset: by somebody without the role': ({ as, client, user }) => as(client).users.resetPassword(user.id),
}

describe('the administration of /testing', () => {
  let real: RealServer
  const mock = mockAuthServer({ mail: false })
  const mockFetch = heldToContract(mock.fetch)
  let roots: Map<string, AuthClient>
  let asked = 0

  afterEach(() => expect(flawsFound()).toEqual([]))
  beforeAll(async () => {
    real = await startServer()
    roots = await administratorsOf(real, mock, mockFetch)
  })
  afterAll(() => real.stop())

  async function outcome(baseUrl: string, fetching: typeof fetch, work: (stage: Stage) => unknown): Promise<unknown> {
    const word = `p${++asked}x`
    const stranger = () => new AuthClient({ baseUrl, fetch: fetching, timeoutMs: 20_000 })
    const as = (caller: unknown) =>
      createAdmin({ baseUrl, fetch: fetching, as: caller as AuthClient, timeoutMs: 20_000 })
    const root = roots.get(baseUrl)!
    const client = stranger()
    await client.register({ email: `${word}@example.com`, password, name: 'Ada' })
    try {
      const user = await client.getUser()
      return await work({ admin: as(root), root, user, client, stranger, as, word })
    } catch (error) {
      return heardOf(error)
    }
  }

  it.each(Object.keys(cases))('answers as the real one does: %s', async (name) => {
    const work = cases[name]!
    const there = await outcome(real.address, fetch, work)
    expect(await outcome(mock.issuer, mockFetch, work)).toEqual(there)
  })
})

/** An administrator on a mock server, whose answers are held to the contract. */
async function administration() {
  const clock = virtualClock()
  const server = mockAuthServer({ clock })
  const called = new Set<string>()
  const fetching = heldToContract(server.fetch, called)
  server.addUser({ email: 'root@example.com', password, roles: ['admin'] })
  const ada = server.addUser({ email: 'ada@example.com', password })
  const connect = (baseUrl = server.issuer) => new AuthClient({ baseUrl, fetch: fetching, clock })
  const root = connect()
  await root.login({ email: 'root@example.com', password })
  const as = (caller: unknown) =>
    createAdmin({ baseUrl: server.issuer, fetch: fetching, clock, as: caller as AuthClient })
  return { clock, server, called, ada, connect, root, as, admin: as(root) }
}

describe('with /testing', () => {
  afterEach(() => expect(flawsFound()).toEqual([]))

  const everything: ((users: Admin['users'], id: string) => unknown)[] = [
    (users) => users.list().page(),
    (users) => users.create({ email: 'new@example.com' }),
    (users, id) => users.get(id),
    (users, id) => users.update(id, { name: 'Ada' }),
    (users, id) => users.disable(id),
    (users, id) => users.enable(id),
    (users, id) => users.unlock(id),
    (users, id) => users.logout(id),
    (users, id) => users.resetPassword(id),
    (users, id) => users.sessions(id).page(),
    (users, id) => users.endSession(id, unknownId),
    (users, id) => users.delete(id),
  ]

  it('every route of users that the contract has is there', async () => {
    const { called, admin, ada } = await administration()
    for (const call of everything) await code((async () => call(admin.users, ada.id))())
    const promised = Object.entries(contract.paths)
      .filter(([path]) => path.startsWith('/v1/admin/users'))
      .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))
    expect([...called].filter((each) => each.includes('/admin/')).sort()).toEqual(promised.sort())
  })

  it('nobody without the role gets through any of them, and nothing is done', async () => {
    const { as, connect, server, ada } = await administration()
    const client = connect()
    await client.login({ email: ada.email, password })
    for (const call of everything) expect(await code((async () => call(as(client).users, ada.id))())).toBe('forbidden')
    const minted = await server.tokens.sign({ sub: ada.id, sid: client.state.session!.id, roles: [] })
    const forged = minted.replace(
      /\.[^.]+\./,
      `.${btoa(JSON.stringify({ sid: client.state.session!.id, roles: ['admin'], exp: 9e9 })).replaceAll('=', '')}.`,
    )
    expect(await code(as({ accessToken: forged }).users.delete(ada.id))).toBe('invalid_token')
    expect(await client.getUser({ fresh: true })).toEqual({ ...ada, last_login_at: expect.any(String) })
  })

  it('what is delicate takes a recent login, as the contract says of each route', async () => {
    const { clock, admin, ada, called } = await administration()
    await clock.advance(16 * 60_000)
    for (const call of everything) {
      called.clear()
      const answered = await code((async () => call(admin.users, ada.id))())
      const [method, path] = [...called].find((each) => each.includes('/admin/'))!.split(' ') as [string, string]
      const codes = contract.paths[path]![method.toLowerCase()]!.responses[403]!['x-codes']!
      // For these it depends on the fields.
      const isWhole =
        codes.includes('reauthentication_required') && !/^(POST|PATCH) \S+\/users(\/\{id\})?$/.test(`${method} ${path}`)
      expect([method, path, answered === 'reauthentication_required']).toEqual([method, path, isWhole])
    }
    expect(await code(admin.users.create({ email: 'x@example.com', roles: [] }))).toBe('reauthentication_required')
    expect(await code(admin.users.update(ada.id, { email: 'x@example.com' }))).toBe('reauthentication_required')
    expect(await code(admin.users.update(ada.id, { roles: ['admin'] }))).toBe('reauthentication_required')
  })

  it('a service reads users, sees no more than they do, and changes nothing', async () => {
    const { as, ada, admin } = await administration()
    const { users } = as({ clientId: 'notes', clientSecret: 'secret' })
    expect(await users.get(ada.id)).toEqual(ada)
    expect((await users.list({ q: 'ada' }).page()).items).toEqual([ada])
    expect(await admin.users.get(ada.id)).toEqual({ ...ada, deletion_due_at: null, locked: null })
    expect(await code(users.disable(ada.id))).toBe('invalid_token')
  })

  it('a link that an administrator makes is mailed, and good for its time', async () => {
    const { server, admin, ada, connect, clock } = await administration()
    expect(await admin.users.resetPassword(ada.id)).toBeNull()
    expect((await admin.users.create({ email: 'new@example.com' })).invitation).toBeNull()
    expect(server.mails.map(({ to, purpose }) => [to, purpose])).toEqual([
      [ada.email, 'reset_password'],
      ['new@example.com', 'invitation'],
    ])
    await clock.advance(3_600_000)
    const choose = (index: number) =>
      code(connect().resetPassword({ token: server.mails[index]!.token, new_password: newPassword }))
    expect(await choose(0)).toBe('invalid_one_time_token')
    expect(await choose(1)).toBe('fine')
    const [user] = (await admin.users.list({ q: 'new' }).page()).items
    expect(user).toMatchObject({ status: 'active', email_verified: true })
  })

  it('an administrator who moves an account takes its owner’s own move back', async () => {
    const { server, admin, ada, connect } = await administration()
    const client = connect()
    await client.login({ email: ada.email, password })
    await client.changeEmail({ new_email: 'countess@example.com', password })
    await admin.users.update(ada.id, { email: 'lovelace@example.com' })
    expect(await code(client.confirmEmail({ token: server.mails[0]!.token }))).toBe('invalid_one_time_token')
    expect(await admin.users.get(ada.id)).toMatchObject({ email: 'lovelace@example.com' })
  })

  it('users of one moment are listed in the order in which they were made', async () => {
    const { server, admin, ada } = await administration()
    const made = Array.from({ length: 30 }, (_each, n) => server.addUser({ email: `n${n}@example.com`, password }).id)
    const listed = await allOf(admin.users.list({ sort: 'created_at', limit: 7 }))
    expect(listed.slice(1).map(({ id }) => id)).toEqual([ada.id, ...made])
  })

  it('who is about to be deleted shows it, and is gone when the time has come', async () => {
    const clock = virtualClock()
    const server = mockAuthServer({ clock, deletionDelay: 3600 })
    const fetching = heldToContract(server.fetch)
    const ada = server.addUser({ email: 'ada@example.com', password })
    server.addUser({ email: 'root@example.com', password, roles: ['admin'] })
    const connect = () => new AuthClient({ baseUrl: server.issuer, fetch: fetching, clock })
    const [client, root] = [connect(), connect()]
    await root.login({ email: 'root@example.com', password })
    const { users } = createAdmin({ baseUrl: server.issuer, fetch: fetching, clock, as: root })
    await client.login({ email: ada.email, password })
    await client.deleteAccount({ password })
    expect(await users.get(ada.id)).toMatchObject({ deletion_due_at: new Date(clock.wall() + 3_600_000).toISOString() })
    await client.login({ email: ada.email, password })
    expect(await users.get(ada.id)).toMatchObject({ deletion_due_at: null })
    await client.deleteAccount({ password })
    await clock.advance(3_600_000)
    expect(await code(users.get(ada.id))).toBe('not_found')
    expect(await code(client.login({ email: ada.email, password }))).toBe('invalid_credentials')
  })
})
