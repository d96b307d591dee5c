import assert from 'node:assert/strict'
import { it } from 'node:test'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeFlow, footprint, journalOf, logIn, problem, refresh, sessionsOf, validate } from './flow-server.ts'

describeFlow('delete account', (flow) => {
  const person = () => registerSomebody(flow.server)
  const remove = (token: string, body: unknown = { password: goodPassword }) =>
    flow.server.call('DELETE', '/v1/users/me', { token, body })

  it('takes account and password away at once, and every device hears why', async () => {
    const { server } = flow
    const one = await person()
    const other = (await logIn(server, one.email)).body
    const stranger = await person()
    const answer = await remove(one.access_token)
    assert.deepEqual([answer.status, answer.text], [204, ''])
    for (const device of [one, other]) {
      assert.equal(problem(await validate(server, device.access_token)), '401 token_revoked')
      assert.equal(problem(await refresh(server, device.refresh_token)), '401 session_ended deleted')
    }
    assert.equal(problem(await logIn(server, one.email)), '401 invalid_credentials')
    const { users, passwords } = await footprint(server)
    assert.equal(
      users.some(({ id }) => id === one.user.id),
      false,
    )
    assert.equal(
      passwords.some(({ user_id }) => user_id === one.user.id),
      false,
    )
    assert.deepEqual(journalOf(server, one.user.id), ['user deleted'])
    assert.equal((await refresh(server, stranger.refresh_token)).status, 200)
    assert.equal((await logIn(server, stranger.email)).status, 200)
  })

  it('leaves nothing behind that tells about the person', async () => {
    const { server } = flow
    const email = 'forget.me@example.com'
    const { body } = await server.call('POST', '/v1/auth/register', {
      body: { email, password: goodPassword, name: 'Somebody Forgettable', device_name: 'Forgettable laptop' },
      headers: { 'user-agent': 'Forgettable/1.0' },
    })
    await logIn(server, email, { device_name: 'Forgettable phone' })
    await remove(body.access_token)
    const left = JSON.stringify(await footprint(server))
    assert.equal(/forget/i.test(left), false)
    const rows = await sessionsOf(server, body.user.id)
    assert.deepEqual(
      rows.map(({ last_ip, end_reason }) => [last_ip, end_reason]),
      [
        [null, 'deleted'],
        [null, 'deleted'],
      ],
    )
  })

  it('sets the address free for a new account, which the old tokens do not open', async () => {
    const { server } = flow
    const one = await person()
    await remove(one.access_token)
    const next = await registerSomebody(server, one.email)
    assert.notEqual(next.user.id, one.user.id)
    assert.equal(problem(await refresh(server, one.refresh_token)), '401 session_ended deleted')
    assert.equal((await validate(server, next.access_token)).status, 200)
    assert.equal((await sessionsOf(server, next.user.id)).length, 1)
  })

  it('asks for the password, and does nothing without the right one', async () => {
    const { server } = flow
    const one = await person()
    const before = await footprint(server)
    assert.equal(problem(await remove(one.access_token, { password: 'wrong password' })), '403 invalid_password')
    assert.equal(problem(await remove(one.access_token, {})), '422 validation_failed')
    assert.equal(
      problem(await remove(one.access_token, { password: goodPassword, sure: true })),
      '422 validation_failed',
    )
    assert.equal(problem(await remove(one.access_token, { password: 'a\u0000b' })), '422 validation_failed')
    assert.equal(
      problem(await server.call('DELETE', '/v1/users/me', { body: { password: goodPassword } })),
      '401 unauthenticated',
    )
    assert.deepEqual(await footprint(server), before)
  })

  it('cannot be confirmed by a password the user does not have', async () => {
    const one = await person()
    await flow.server.app.database.db.deleteFrom('passwords').where('user_id', '=', one.user.id).execute()
    const before = await footprint(flow.server)
    assert.equal(problem(await remove(one.access_token)), '403 invalid_password')
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('happens once, however many ask at the same time', async () => {
    const one = await person()
    const answers = await Promise.all(Array.from({ length: 5 }, () => remove(one.access_token)))
    const told = answers.map(problemOrNothing)
    assert.equal(told.filter((each) => each === '204').length, 1)
    for (const each of told) assert.ok(['204', '401 token_revoked', '403 invalid_password'].includes(each), each)
    assert.deepEqual(journalOf(flow.server, one.user.id), ['user deleted'])
  })

  it('does nothing for a session that was ended while the password was checked', async () => {
    const { server } = flow
    const [one] = [await person()]
    const thief = (await logIn(server, one.email)).body
    const { hasher } = server.app
    const { verify } = hasher
    hasher.verify = async (...given) => {
      hasher.verify = verify
      const verdict = await verify(...given)
      const change = await server.call('POST', '/v1/users/me/password', {
        token: one.access_token,
        body: { current_password: goodPassword, new_password: 'a quieter engine of silk' },
      })
      assert.equal(change.status, 200)
      return verdict
    }
    assert.equal(problemOrNothing(await remove(thief.access_token)), '401 token_revoked')
    assert.equal((await logIn(server, one.email, { password: 'a quieter engine of silk' })).status, 200)
    assert.deepEqual(journalOf(server, one.user.id), [])
  })

  function problemOrNothing(answer: Awaited<ReturnType<typeof remove>>): string {
    return answer.status === 204 ? '204' : problem(answer)
  }
})
