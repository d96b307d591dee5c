import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openPersonal } from '../../src/domain/audit/personal.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { newId } from '../../src/random.ts'
import { goodPassword, registerSomebody, type TestServer } from '../support/server.ts'
import {
  administrator,
  describeQuickFlow,
  eventually,
  keyA,
  keyB,
  logIn,
  problem,
  refresh,
  validate,
} from './flow-server.ts'

describeQuickFlow('the audit log', (flow) => {
  const linesOf = async (server: TestServer, userId: string | null) => {
    const query = server.app.database.db.selectFrom('audit_lines').selectAll()
    return (userId === null ? query : query.where('user_id', '=', userId)).orderBy('at').orderBy('seq').execute()
  }
  /** Event, actor and reason of what was said about a user. */
  const told = async (userId: string) =>
    (await linesOf(flow.server, userId)).map(({ event, actor_kind, actor_id, reason }) => {
      const actor = actor_kind === 'user' && actor_id === userId ? 'self' : actor_kind
      return [event, actor, ...(reason === null ? [] : [reason])].join(' ')
    })
  const personalOf = async (userId: string) => {
    const { db } = flow.server.app.database
    const person = await db.selectFrom('audit_persons').selectAll().where('user_id', '=', userId).executeTakeFirst()
    const lines = await linesOf(flow.server, userId)
    return lines.map(({ user_sealed }) => user_sealed && openPersonal(person?.secret, user_sealed))
  }
  const countAll = async () => (await linesOf(flow.server, null)).length

  it('tells the life of a user from register to deletion, and forgets the person with it', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const { id } = one.user
    const other = (await logIn(server, one.email, { device_name: 'a phone' })).body
    await server.call('PATCH', '/v1/users/me', { token: one.access_token, body: { locale: 'de', name: 'Ada' } })
    const third = (await logIn(server, one.email)).body
    await server.call('DELETE', `/v1/users/me/sessions/${third.session_id}`, { token: one.access_token })
    const changed = await server.call('POST', '/v1/users/me/password', {
      token: one.access_token,
      body: { current_password: goodPassword, new_password: 'a quieter engine of silk' },
    })
    assert.equal(changed.status, 200)
    assert.deepEqual(await told(id), [
      'user_registered self',
      'login self',
      'user_updated self',
      'login self',
      'session_ended self logout_others',
      'password_changed self',
      'sessions_ended self password_changed',
    ])
    const lines = await linesOf(server, id)
    const details = lines.map(({ details }) => JSON.parse(details))
    assert.deepEqual(details.slice(0, 3), [
      { session: one.session_id },
      { session: other.session_id },
      { fields: 'locale name' },
    ])
    assert.deepEqual(details.at(-1), { count: 1, kept: one.session_id })
    assert.ok(lines.every(({ request_id }) => /^[A-Za-z0-9_-]{8,}$/.test(request_id ?? '')))
    const personal = await personalOf(id)
    assert.equal(personal[0]!.email, one.email)
    assert.equal(personal[1]!.device_name, 'a phone')
    assert.ok(personal.every((values) => values!.ip === '127.0.0.1'))

    await server.call('DELETE', '/v1/users/me', {
      token: one.access_token,
      body: { password: 'a quieter engine of silk' },
    })
    assert.deepEqual((await told(id)).slice(7), ['user_deleted self'])
    assert.deepEqual(
      (await personalOf(id)).map((values) => values),
      Array.from({ length: 8 }, () => null),
    )
  })

  it('tells of logouts by their scope, once each', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const other = (await logIn(server, one.email)).body
    const logout = (token: string, scope: string) =>
      server.call('POST', '/v1/auth/logout', { body: { refresh_token: token, scope } })
    await logout(other.refresh_token, 'this')
    await logout(other.refresh_token, 'this')
    await logIn(server, one.email)
    await logout(one.refresh_token, 'others')
    await logout(one.refresh_token, 'others')
    await logout(one.refresh_token, 'all')
    await logout(one.refresh_token, 'all')
    assert.deepEqual((await told(one.user.id)).slice(2), [
      'session_ended self logout',
      'login self',
      'sessions_ended self logout_others',
      'sessions_ended self logout_all',
    ])
  })

  it('tells of a failed login after the answer, of known and unknown addresses alike', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const before = await countAll()
    const wrong = { password: 'not the engine at all' }
    assert.equal(problem(await logIn(server, one.email, wrong)), '401 invalid_credentials')
    assert.equal(problem(await logIn(server, `${newId(1)}@example.com`, wrong)), '401 invalid_credentials')
    await eventually(async () => (await countAll()) === before + 2)
    assert.deepEqual((await told(one.user.id)).slice(1), ['login_failed anyone wrong_password'])
    const [unknown] = (await linesOf(server, null)).filter(({ reason }) => reason === 'unknown_address')
    assert.deepEqual(
      [unknown!.user_id, unknown!.subject_id, JSON.parse(unknown!.details)],
      [null, null, { ip: '127.0.0.1' }],
    )
  })

  it('tells of a wrong current password', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const body = { current_password: 'not the engine at all', new_password: 'a quieter engine of silk' }
    await server.call('POST', '/v1/users/me/password', { token: one.access_token, body })
    await server.call('DELETE', '/v1/users/me', { token: one.access_token, body: { password: 'not this one' } })
    await eventually(async () => (await told(one.user.id)).length === 3)
    assert.deepEqual((await told(one.user.id)).slice(1).sort(), [
      'password_refused self deletion',
      'password_refused self password_change',
    ])
  })

  it('says nothing of what was refused', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const before = await countAll()
    const again = await server.call('POST', '/v1/auth/register', {
      body: { email: one.email, password: goodPassword },
    })
    assert.equal(problem(again), '409 email_taken')
    const elsewhere = `/v1/users/me/sessions/${newId(1)}`
    assert.equal(problem(await server.call('DELETE', elsewhere, { token: one.access_token })), '404 not_found')
    assert.equal(await countAll(), before)
  })

  it('says nothing where nothing was changed', async () => {
    const { server } = flow
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    const profile = { name: 'Ada', locale: 'de', metadata: { a: 1 } }
    let token = one.access_token
    const mine = (body: object) => server.call('PATCH', '/v1/users/me', { token, body })
    const patch = (body: object) => server.call('PATCH', `/v1/admin/users/${one.user.id}`, { token: admin.token, body })
    await mine(profile)
    await patch({ roles: ['a', 'b'], email_verified: true })
    const before = await countAll()
    server.clock.advance(3000)
    token = (await refresh(server, one.refresh_token, keyA)).body.access_token
    const { body: user } = await server.call('GET', '/v1/users/me', { token })
    const seenByAdmin = { ...user, deletion_due_at: null, locked: null }
    for (const body of [profile, { name: 'Ada' }, { metadata: { a: 1 } }, { locale: 'de' }]) {
      assert.deepEqual((await mine(body)).body, user)
      assert.deepEqual((await patch(body)).body, seenByAdmin)
    }
    for (const body of [{ roles: ['b', 'a'] }, { email: one.email, email_verified: true }]) {
      assert.deepEqual((await patch(body)).body, seenByAdmin)
    }
    await server.call('POST', '/v1/auth/logout', { token, body: { scope: 'others' } })
    assert.equal(await countAll(), before)
    await server.call('POST', '/v1/users/me/password', {
      token,
      body: { current_password: goodPassword, new_password: 'a quieter engine of silk' },
    })
    await patch({ ...profile, name: null })
    await patch({ roles: ['a'], name: null })
    assert.deepEqual((await told(one.user.id)).slice(4), [
      'password_changed self',
      'user_updated user',
      'user_roles_changed user',
    ])
  })

  it('has no line, and so no write, for a refresh and a validation that go as they should', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const before = await countAll()
    const next = (await refresh(server, one.refresh_token, keyA)).body
    await refresh(server, one.refresh_token, keyA)
    assert.equal((await validate(server, next.access_token)).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 120))
    assert.equal(await countAll(), before)
  })

  it('tells of a stolen refresh token with both generations and both addresses', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    await refresh(server, one.refresh_token, keyA)
    assert.equal(problem(await refresh(server, one.refresh_token, keyB)), '401 session_ended refresh_token_reuse')
    assert.deepEqual((await told(one.user.id)).slice(1), ['refresh_token_reuse anyone'])
    const line = (await linesOf(server, one.user.id)).at(-1)!
    assert.deepEqual(JSON.parse(line.details), { generation: 1, presented: 0 })
    assert.deepEqual([line.subject_kind, line.subject_id], ['session', one.session_id])
    assert.deepEqual((await personalOf(one.user.id)).at(-1), { ip: '127.0.0.1', former_ip: '127.0.0.1' })
  })

  it('tells of a refresh that was ahead, one that came late, and one that was repeated from elsewhere', async () => {
    const { server } = flow
    const { db } = server.app.database
    const one = await registerSomebody(server)
    const row = db.updateTable('sessions').where('id', '=', one.session_id)
    let token = one.refresh_token
    for (let generation = 0; generation < 3; generation++)
      token = (await refresh(server, token, keyA)).body.refresh_token
    await row.set({ generation: 1 }).execute()
    assert.equal((await refresh(server, token, keyA)).status, 200)
    assert.equal(problem(await refresh(server, one.refresh_token, keyA)), '409 refresh_superseded')
    await row.set({ last_ip: '198.51.100.7' }).execute()
    assert.equal((await refresh(server, token, keyA)).status, 200)
    await eventually(async () => (await told(one.user.id)).length === 4)
    const lines = (await linesOf(server, one.user.id)).slice(1)
    assert.deepEqual(
      new Map(lines.map(({ event, details }) => [event, JSON.parse(details)])),
      new Map([
        ['refresh_forward', { generation: 1, presented: 3 }],
        ['refresh_superseded', { generation: 4, presented: 0 }],
        ['refresh_from_elsewhere', { generation: 4 }],
      ]),
    )
  })

  it('tells of keys and services', async () => {
    const { server } = flow
    const { service } = await registerService(server.app, operatorAct, 'billing', ['introspect'])
    const kid = server.app.keyring.signer()!.kid
    await revokeKey(server.app, operatorAct, kid)
    const lines = await linesOf(server, null)
    const about = (id: string) =>
      lines.filter(({ subject_id }) => subject_id === id).map(({ event, actor_kind }) => `${event} ${actor_kind}`)
    assert.deepEqual(about(service.id), ['service_created operator'])
    assert.deepEqual(about(kid), [
      'signing_key_created system',
      'signing_key_moved operator',
      'signing_key_revoked operator',
    ])
  })
})
