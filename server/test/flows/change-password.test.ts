import assert from 'node:assert/strict'
import { it } from 'node:test'
import { goodPassword, registerSomebody } from '../support/server.ts'
import {
  day,
  describeFlow,
  eventually,
  footprint,
  journalOf,
  keyA,
  keyB,
  logIn,
  problem,
  refresh,
  sessionOf,
  validate,
} from './flow-server.ts'

const newPassword = 'a quieter engine of silk'

describeFlow('change password', (flow) => {
  const person = () => registerSomebody(flow.server)
  const change = (token: string, more: Record<string, unknown> = {}) =>
    flow.server.call('POST', '/v1/users/me/password', {
      token,
      body: { current_password: goodPassword, new_password: newPassword, ...more },
    })

  it('buys a new password with the current one', async () => {
    const { server } = flow
    const one = await person()
    assert.equal((await change(one.access_token)).status, 200)
    assert.equal(problem(await logIn(server, one.email)), '401 invalid_credentials')
    assert.equal((await logIn(server, one.email, { password: newPassword })).status, 200)
  })

  it('takes neither the name nor the address for a password', async () => {
    const { server } = flow
    const one = await person()
    await server.call('PATCH', '/v1/users/me', { token: one.access_token, body: { name: 'Ada Lovelace' } })
    for (const new_password of ['Ada Lovelace', 'ada lovelace', one.email, one.email.toUpperCase()]) {
      assert.equal(problem(await change(one.access_token, { new_password })), '422 password_too_similar', new_password)
    }
    assert.equal((await logIn(server, one.email)).status, 200)
  })

  it('keeps the session and its generation: what the client holds goes on working', async () => {
    const { server } = flow
    const one = await person()
    const second = (await refresh(server, one.refresh_token, keyA)).body
    const row = await sessionOf(server, one.session_id)
    const answer = await change(second.access_token)
    assert.deepEqual(
      [answer.status, answer.body.generation, answer.body.session_id, answer.body.refresh_token],
      [200, 1, one.session_id, second.refresh_token],
    )
    assert.deepEqual(await sessionOf(server, one.session_id), row)
    for (const token of [second.access_token, answer.body.access_token]) {
      assert.equal((await validate(server, token)).status, 200)
    }
    // A refresh whose reply was lost may be retried on either side of the change.
    assert.equal((await refresh(server, one.refresh_token, keyA)).body.refresh_token, second.refresh_token)
    assert.equal((await refresh(server, answer.body.refresh_token, keyB)).body.generation, 2)
    assert.ok(answer.body.user.updated_at > answer.body.user.created_at)
    assert.deepEqual(journalOf(server, one.session_id, one.user.id), [])
  })

  it('ends the other sessions, which hear why', async () => {
    const { server } = flow
    const one = await person()
    const others = [(await logIn(server, one.email)).body, (await logIn(server, one.email)).body]
    const stranger = await person()
    await change(one.access_token)
    for (const other of others) {
      assert.equal(problem(await validate(server, other.access_token)), '401 token_revoked')
      assert.equal(problem(await refresh(server, other.refresh_token)), '401 session_ended password_changed')
      assert.deepEqual(journalOf(server, other.session_id), ['session password_changed'])
    }
    assert.equal((await refresh(server, stranger.refresh_token)).status, 200)
  })

  it('leaves the other sessions alone where that is asked', async () => {
    const { server } = flow
    const one = await person()
    const other = (await logIn(server, one.email)).body
    const { revocations, journal } = await footprint(server)
    assert.equal((await change(one.access_token, { end_other_sessions: false })).status, 200)
    assert.equal((await refresh(server, other.refresh_token)).status, 200)
    const after = await footprint(server)
    assert.deepEqual([after.revocations, after.journal], [revocations, journal])
  })

  it('refuses a wrong current password as a wrong password, not as a bad token, and changes nothing', async () => {
    const one = await person()
    const before = await footprint(flow.server)
    const answer = await change(one.access_token, { current_password: newPassword })
    assert.deepEqual([problem(answer), answer.headers.get('www-authenticate')], ['403 invalid_password', null])
    await flow.server.app.database.db.deleteFrom('passwords').where('user_id', '=', one.user.id).execute()
    assert.equal(problem(await change(one.access_token)), '403 invalid_password')
    const after = await footprint(flow.server)
    assert.deepEqual([after.sessions, after.users, after.journal], [before.sessions, before.users, before.journal])
  })

  it('refuses weak new passwords and unknown fields by name, and changes nothing', async () => {
    const one = await person()
    const before = await footprint(flow.server)
    for (const [more, expected, pointer] of [
      [{ new_password: 'short' }, '422 password_too_short', '/new_password'],
      [{ new_password: 'password1' }, '422 password_too_common', '/new_password'],
      [{ new_password: one.email }, '422 password_too_similar', '/new_password'],
      [{ new_password: 'tab\tin a password' }, '422 validation_failed', '/new_password'],
      [{ current_password: 'tab\tin a password' }, '422 validation_failed', '/current_password'],
      [{ end_other_sessions: 'no' }, '422 validation_failed', '/end_other_sessions'],
      [{ password: 'x' }, '422 validation_failed', '/password'],
    ] as const) {
      const answer = await change(one.access_token, more)
      assert.deepEqual([problem(answer), answer.body.errors[0].pointer], [expected, pointer])
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('lets one of two changes through that come at once', async () => {
    const { server } = flow
    const one = await person()
    const passwords = ['first new engine of silk', 'second new engine of silk']
    const answers = await Promise.all(passwords.map((new_password) => change(one.access_token, { new_password })))
    assert.deepEqual(answers.map(problem).sort(), ['200 ', '403 invalid_password'])
    const winner = passwords[answers.findIndex(({ status }) => status === 200)]!
    assert.equal((await logIn(server, one.email, { password: winner })).status, 200)
    assert.equal((await logIn(server, one.email, { password: passwords.find((each) => each !== winner) })).status, 401)
  })

  it('takes the right password though a rehash replaced the stored form meanwhile', async () => {
    const { server } = flow
    const one = await person()
    const other = await flow.start({ settings: { PASSWORD_HASH: 'bcrypt', BCRYPT_COST: '10' } })
    const { db } = server.app.database
    const stored = () =>
      db.selectFrom('passwords').selectAll().where('user_id', '=', one.user.id).executeTakeFirstOrThrow()
    const { hasher } = server.app
    const { hash } = hasher
    hasher.hash = async (...given) => {
      hasher.hash = hash
      const former = (await stored()).hash
      assert.equal((await logIn(other, one.email)).status, 200)
      await eventually(async () => (await stored()).hash !== former)
      return hash(...given)
    }
    try {
      assert.equal(problem(await change(one.access_token)), '200 ')
    } finally {
      hasher.hash = hash
      await other.close()
    }
    assert.equal((await logIn(server, one.email, { password: newPassword })).status, 200)
    assert.equal((await logIn(server, one.email)).status, 401)
  })

  it('does nothing for a session that was ended while the password was hashed', async () => {
    const { server } = flow
    const one = await person()
    const { hasher } = server.app
    const { hash } = hasher
    hasher.hash = async (...given) => {
      hasher.hash = hash
      await server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
      return hash(...given)
    }
    try {
      assert.equal(problem(await change(one.access_token)), '401 token_revoked')
    } finally {
      hasher.hash = hash
    }
    assert.equal((await logIn(server, one.email)).status, 200)
  })

  it('does nothing for a user who is gone', async () => {
    const one = await person()
    const { db } = flow.server.app.database
    await db.deleteFrom('users').where('id', '=', one.user.id).execute()
    assert.equal(problem(await change(one.access_token)), '401 token_revoked')
    const { passwords } = await footprint(flow.server)
    assert.equal(
      passwords.find(({ user_id }) => user_id === one.user.id)?.changed_at,
      (await sessionOf(flow.server, one.session_id)).created_at,
    )
  })

  it('does not put off the end of the session', async () => {
    const one = await person()
    flow.server.clock.advance(day)
    const fresh = (await refresh(flow.server, one.refresh_token)).body
    flow.server.clock.advance(10_000)
    const { body } = await change(fresh.access_token)
    assert.ok(body.refresh_expires_in <= fresh.refresh_expires_in - 10)
  })
})
