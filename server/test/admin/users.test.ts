import assert from 'node:assert/strict'
import { it } from 'node:test'
import { newId } from '../../src/random.ts'
import {
  administrator,
  describeQuickFlow,
  eventually,
  footprint,
  hour,
  keyA,
  logIn,
  minute,
  problem,
  refresh,
  second,
  sessionOf,
  validate,
} from '../flows/flow-server.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'

const newPassword = 'a quieter engine of silk'

describeQuickFlow('administration of users', (flow) => {
  const fresh = () => administrator(flow.server)
  const call = (token: string, method: string, path: string, body?: unknown) =>
    flow.server.call(method, `/v1/admin/users${path}`, { token, ...(body !== undefined && { body }) })
  const reset = (token: string, password = newPassword) =>
    flow.server.call('POST', '/v1/auth/reset-password', { body: { token, new_password: password } })
  const logInWith = (email: string, password: string) =>
    flow.server.call('POST', '/v1/auth/login', { body: { email, password } })
  let count = 0
  const someEmail = () => `made-${++count}@example.com`

  it('creates a user with a password, who can log in and has what it was given', async () => {
    const { token } = await fresh()
    const email = someEmail()
    const wanted = {
      name: 'Ada',
      locale: 'en',
      roles: ['editor', 'a:b-c.d_e'],
      email_verified: true,
      metadata: { a: [1] },
    }
    const { status, body } = await call(token, 'POST', '', {
      email: ` ${email.toUpperCase()}`,
      password: goodPassword,
      ...wanted,
    })
    assert.equal(status, 201)
    const { id, created_at, updated_at, ...shown } = body
    assert.deepEqual(shown, { email, status: 'active', last_login_at: null, invitation: null, ...wanted })
    assert.deepEqual((await logIn(flow.server, email)).body.user.roles, wanted.roles)
    assert.equal(problem(await call(token, 'POST', '', { email, password: goodPassword })), '409 email_taken')
    assert.equal(
      problem(await call(token, 'POST', '', { email: someEmail(), password: 'short' })),
      '422 password_too_short',
    )
    assert.equal(
      problem(await call(token, 'POST', '', { email: someEmail(), roles: ['Root'] })),
      '422 validation_failed',
    )
    assert.equal(
      problem(await call(token, 'POST', '', { email: someEmail(), status: 'active' })),
      '422 validation_failed',
    )
  })

  it('invites without a password: pending until the link is used, once', async () => {
    const { token } = await fresh()
    const email = someEmail()
    const { body, text } = await call(token, 'POST', '', { email, roles: ['editor'] })
    const page = 'https://auth.example.com/reset-password'
    assert.deepEqual([body.status, body.invitation.link], ['pending', `${page}?token=${body.invitation.token}`])
    assert.match(body.invitation.token, /^ntto_[A-Za-z0-9_-]{43}$/)
    assert.equal(Date.parse(body.invitation.expires_at), Date.parse(body.created_at) + 24 * hour)
    assert.equal(problem(await logInWith(email, newPassword)), '401 invalid_credentials')
    const rows = await flow.server.app.database.db.selectFrom('one_time_tokens').selectAll().execute()
    assert.equal(JSON.stringify(rows).includes(body.invitation.token), false)
    assert.equal(JSON.stringify(flow.server.log).includes(body.invitation.token), false, text)

    assert.equal(problem(await reset(body.invitation.token, 'short')), '422 password_too_short')
    assert.equal((await reset(body.invitation.token)).status, 204)
    const { user } = (await logInWith(email, newPassword)).body
    assert.deepEqual([user.status, user.roles, user.email_verified], ['active', ['editor'], false])
    assert.equal(problem(await reset(body.invitation.token, 'another engine of gold')), '400 invalid_one_time_token')
    assert.equal((await logInWith(email, newPassword)).status, 200)
  })

  it('resets a password by the newest link only, within its hour, at the address it was made for; and ends all sessions', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    const start = async () => (await call(token, 'POST', `/${one.user.id}/reset-password`)).body
    const older = await start()
    const newer = await start()
    assert.ok(Date.parse(newer.expires_at) <= flow.server.clock.now() + hour)
    assert.equal(problem(await reset(older.token)), '400 invalid_one_time_token')
    // Started is not done.
    assert.equal((await logIn(flow.server, one.email)).status, 200)
    assert.equal((await validate(flow.server, one.access_token)).status, 200)
    flow.server.clock.advance(hour - minute)
    assert.equal((await reset(newer.token)).status, 204)
    assert.equal(problem(await logIn(flow.server, one.email)), '401 invalid_credentials')
    assert.equal((await sessionOf(flow.server, one.session_id)).end_reason, 'password_changed')
    assert.equal(problem(await refresh(flow.server, one.refresh_token, keyA)), '401 session_ended password_changed')

    const again = await fresh()
    const late = (await call(again.token, 'POST', `/${one.user.id}/reset-password`)).body
    flow.server.clock.advance(hour)
    assert.equal(problem(await reset(late.token)), '400 invalid_one_time_token')

    const last = await fresh()
    const moved = (await call(last.token, 'POST', `/${one.user.id}/reset-password`)).body
    assert.equal((await call(last.token, 'PATCH', `/${one.user.id}`, { email: someEmail() })).status, 200)
    assert.equal(problem(await reset(moved.token)), '400 invalid_one_time_token')
    for (const wrong of ['x', `ntto_${'A'.repeat(43)}`, moved.token.slice(0, -1), one.refresh_token.slice(0, 200)]) {
      assert.equal(problem(await reset(wrong)), '400 invalid_one_time_token', wrong)
    }
  })

  it('lets one of many who use a link at once have it', async () => {
    const { token } = await fresh()
    const { body } = await call(token, 'POST', '', { email: someEmail() })
    const passwords = Array.from({ length: 5 }, (_, index) => `engine number ${index} of brass`)
    const answers = await Promise.all(passwords.map((password) => reset(body.invitation.token, password)))
    const statuses = answers.map(problem).map((text) => text.trim())
    assert.equal(statuses.filter((text) => text === '204').length, 1, statuses.join(', '))
    assert.equal(statuses.filter((text) => text === '400 invalid_one_time_token').length, 4, statuses.join(', '))
    const logins = await Promise.all(passwords.map((password) => logInWith(body.email, password)))
    assert.deepEqual(
      logins.map(({ status }) => status === 200),
      answers.map(({ status }) => status === 204),
    )
  })

  it('changes the fields that are sent and nothing else', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    const path = `/${one.user.id}`
    const { body: before } = await call(token, 'GET', path)
    flow.server.clock.advance(second)
    const { body } = await call(token, 'PATCH', path, { name: 'Ada', metadata: { b: 1 }, email_verified: true })
    assert.deepEqual(body, {
      ...before,
      name: 'Ada',
      metadata: { b: 1 },
      email_verified: true,
      updated_at: body.updated_at,
    })
    assert.notEqual(body.updated_at, before.updated_at)
    assert.deepEqual((await call(token, 'GET', path)).body, body)
    const email = someEmail()
    const moved = (await call(token, 'PATCH', path, { email })).body
    assert.deepEqual([moved.email, moved.email_verified, moved.name], [email, false, 'Ada'])
    assert.equal((await logIn(flow.server, email)).status, 200)
    const other = await registerSomebody(flow.server)
    assert.equal(problem(await call(token, 'PATCH', path, { email: other.email })), '409 email_taken')
    assert.equal(problem(await call(token, 'PATCH', path, {})), '422 validation_failed')
    assert.equal(problem(await call(token, 'PATCH', path, { password: goodPassword })), '422 validation_failed')
    assert.equal(
      problem(await call(token, 'PATCH', path, { metadata: { a: 'x'.repeat(17_000) } })),
      '422 validation_failed',
    )
  })

  it('takes a role away at once: its access tokens are revoked, the session goes on with what is left', async () => {
    const { token } = await fresh()
    const second_ = await fresh()
    assert.equal((await call(second_.token, 'GET', '')).status, 200)
    const login = (await logIn(flow.server, second_.email)).body
    flow.server.clock.advance(second)
    assert.deepEqual((await call(token, 'PATCH', `/${second_.id}`, { roles: ['editor'] })).body.roles, ['editor'])
    assert.equal(problem(await call(second_.token, 'GET', '')), '401 token_revoked')
    // What is made within two seconds is dead as well: it may come from a node whose clock is ahead.
    flow.server.clock.advance(3 * second)
    const next = await refresh(flow.server, login.refresh_token, keyA)
    assert.equal(next.status, 200)
    assert.equal((await validate(flow.server, next.body.access_token)).status, 200)
    assert.equal(problem(await call(next.body.access_token, 'GET', '')), '403 forbidden')
  })

  it('revokes nothing when the roles stay the same', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    await call(token, 'PATCH', `/${one.user.id}`, { roles: ['a', 'b'] })
    flow.server.clock.advance(3 * second)
    const login = (await logIn(flow.server, one.email)).body
    flow.server.clock.advance(second)
    await call(token, 'PATCH', `/${one.user.id}`, { roles: ['b', 'a'], name: 'X' })
    assert.equal((await validate(flow.server, login.access_token)).status, 200)
  })

  it('disables and enables: sessions end with the reason, and nothing opens until it is enabled', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    const link = (await call(token, 'POST', `/${one.user.id}/reset-password`)).body
    for (const _ of [1, 2]) assert.equal((await call(token, 'POST', `/${one.user.id}/disable`)).status, 204)
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    assert.equal(problem(await refresh(flow.server, one.refresh_token, keyA)), '401 session_ended disabled')
    assert.equal(problem(await logIn(flow.server, one.email)), '403 account_disabled')
    assert.equal(problem(await reset(link.token)), '400 invalid_one_time_token')
    assert.equal(problem(await call(token, 'POST', `/${one.user.id}/reset-password`)), '403 account_disabled')
    assert.deepEqual((await call(token, 'GET', `?status=disabled&q=${one.email}`)).body.items.length, 1)
    for (const _ of [1, 2]) assert.equal((await call(token, 'POST', `/${one.user.id}/enable`)).status, 204)
    assert.equal((await logIn(flow.server, one.email)).status, 200)
    assert.equal(problem(await refresh(flow.server, one.refresh_token, keyA)), '401 session_ended disabled')
    const invited = (await call(token, 'POST', '', { email: someEmail() })).body
    await call(token, 'POST', `/${invited.id}/disable`)
    await call(token, 'POST', `/${invited.id}/enable`)
    assert.equal((await call(token, 'GET', `/${invited.id}`)).body.status, 'pending')
  })

  it('logs a user out everywhere, or from one session, with the reason "admin"', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    const more = (await logIn(flow.server, one.email)).body
    for (const _ of [1, 2]) {
      const { status } = await call(token, 'DELETE', `/${one.user.id}/sessions/${one.session_id}`)
      assert.equal(status, 204)
    }
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    assert.equal((await validate(flow.server, more.access_token)).status, 200)
    const other = await registerSomebody(flow.server)
    const wrong = `/${one.user.id}/sessions/${other.session_id}`
    assert.equal(problem(await call(token, 'DELETE', wrong)), '404 not_found')
    for (const _ of [1, 2]) assert.equal((await call(token, 'POST', `/${one.user.id}/logout`)).status, 204)
    assert.equal(problem(await refresh(flow.server, more.refresh_token, keyA)), '401 session_ended admin')
    assert.equal((await logIn(flow.server, one.email)).status, 200)
    assert.equal((await validate(flow.server, other.access_token)).status, 200)
  })

  it('deletes a user with everything that is its own', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    await call(token, 'POST', `/${one.user.id}/reset-password`)
    assert.equal((await call(token, 'DELETE', `/${one.user.id}`)).status, 204)
    assert.equal(problem(await call(token, 'DELETE', `/${one.user.id}`)), '404 not_found')
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    assert.equal(problem(await refresh(flow.server, one.refresh_token, keyA)), '401 session_ended deleted')
    const { db } = flow.server.app.database
    for (const table of ['passwords', 'one_time_tokens', 'user_roles', 'user_words'] as const) {
      assert.deepEqual(await db.selectFrom(table).selectAll().where('user_id', '=', one.user.id).execute(), [], table)
    }
    assert.equal((await registerSomebody(flow.server, one.email)).email, one.email)
  })

  it('answers 404 for users who are not there, and changes nothing', async () => {
    const { token } = await fresh()
    const before = await footprint(flow.server)
    const id = newId(1)
    for (const [method, path, body] of [
      ['PATCH', `/${id}`, { name: 'X' }],
      ['DELETE', `/${id}`],
      ['POST', `/${id}/disable`],
      ['POST', `/${id}/enable`],
      ['POST', `/${id}/logout`],
      ['POST', `/${id}/reset-password`],
      ['DELETE', `/${id}/sessions/${id}`],
    ] as const) {
      assert.equal(problem(await call(token, method, path, body)), '404 not_found', `${method} ${path}`)
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('takes back with a logout the links of a change of address, and no other', async () => {
    const { token } = await fresh()
    const one = await registerSomebody(flow.server)
    const body = { new_email: someEmail(), password: one.password }
    await flow.server.call('POST', '/v1/users/me/email', { token: one.access_token, body })
    await flow.server.call('POST', '/v1/auth/forgot-password', { body: { email: one.email } })
    await eventually(() => flow.server.app.afterwards.waiting === 0)
    const purposes = async () => {
      const { db } = flow.server.app.database
      const rows = db.selectFrom('one_time_tokens').select('purpose').where('user_id', '=', one.user.id)
      return (await rows.orderBy('purpose').execute()).map(({ purpose }) => purpose)
    }
    assert.deepEqual(await purposes(), ['email_change', 'password_reset'])
    assert.equal((await call(token, 'POST', `/${one.user.id}/logout`)).status, 204)
    assert.deepEqual(await purposes(), ['password_reset'])
  })

  it('leaves an audit line for each change, by whom, and none for what was refused or changed nothing', async () => {
    const admin = await fresh()
    const made = (await call(admin.token, 'POST', '', { email: someEmail(), password: goodPassword })).body
    const path = `/${made.id}`
    const { session_id } = (await logIn(flow.server, made.email)).body
    await logIn(flow.server, made.email)
    await call(admin.token, 'PATCH', path, { name: 'X', roles: ['a'] })
    await call(admin.token, 'PATCH', path, { roles: ['Nonsense'] })
    await call(admin.token, 'DELETE', `${path}/sessions/${session_id}`)
    await call(admin.token, 'DELETE', `${path}/sessions/${session_id}`)
    for (const act of ['logout', 'logout', 'disable', 'disable', 'reset-password', 'enable', 'reset-password']) {
      await call(admin.token, 'POST', `${path}/${act}`)
    }
    await call(admin.token, 'DELETE', path)
    await call(admin.token, 'DELETE', path)
    const { db } = flow.server.app.database
    const lines = await db.selectFrom('audit_lines').select(['actor_id', 'event']).execute()
    const events = lines.filter(({ actor_id }) => actor_id === admin.id).map(({ event }) => event)
    assert.deepEqual(events.sort(), [
      'login',
      'password_reset_started',
      'session_ended',
      'sessions_ended',
      'user_created',
      'user_deleted',
      'user_disabled',
      'user_enabled',
      'user_roles_changed',
      'user_updated',
    ])
  })

  it('shows what the node is busy with', async () => {
    const { token } = await fresh()
    const read = async () => (await flow.server.call('GET', '/v1/admin/stats', { token })).body
    const before = await read()
    const one = await registerSomebody(flow.server)
    await call(token, 'POST', `/${one.user.id}/logout`)
    await administrator(flow.server)
    const after = await read()
    assert.equal(after.administrators, before.administrators + 1)
    assert.equal(after.revocations.live, before.revocations.live + 1)
    assert.ok(after.hashing.computed > before.hashing.computed)
    assert.ok(Date.parse(after.started_at) < Date.parse(after.server_time))
  })

  it('asks for a login of the last 15 minutes for what is delicate, by route and by field, and for nothing else', async () => {
    const admin = await administrator(flow.server)
    const one = await registerSomebody(flow.server)
    const { refresh_token } = (await logIn(flow.server, admin.email)).body
    flow.server.clock.advance(15 * minute + second)
    const stale = (await refresh(flow.server, refresh_token, keyA)).body.access_token
    const path = `/${one.user.id}`
    for (const [method, suffix, body] of [
      ['POST', '', { email: someEmail(), roles: ['editor'] }],
      ['PATCH', path, { roles: [] }],
      ['PATCH', path, { name: 'X', email: someEmail() }],
      ['DELETE', path],
      ['POST', `${path}/disable`],
      ['POST', `${path}/enable`],
      ['POST', `${path}/reset-password`],
    ] as const) {
      const answer = await call(stale, method, suffix, body)
      assert.equal(problem(answer), '403 reauthentication_required', `${method} ${suffix} ${JSON.stringify(body)}`)
    }
    assert.equal((await call(stale, 'GET', path)).status, 200)
    assert.equal((await call(stale, 'PATCH', path, { name: 'Y' })).status, 200)
    assert.equal((await call(stale, 'POST', '', { email: someEmail() })).status, 201)
    assert.equal((await call(stale, 'POST', `${path}/logout`)).status, 204)
  })
})

describeQuickFlow(
  'links of a server that knows the pages of its app',
  (flow) => {
    it('lead there, with the token where no server sees it', async () => {
      const { token } = await administrator(flow.server)
      const body = { email: 'linked@example.com' }
      const { invitation } = (await flow.server.call('POST', '/v1/admin/users', { token, body })).body
      assert.equal(invitation.link, `https://app.example.com/pages/reset-password#token=${invitation.token}`)
    })
  },
  { settings: { APP_URL: 'https://app.example.com/pages/' } },
)
