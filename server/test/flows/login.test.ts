import assert from 'node:assert/strict'
import { it } from 'node:test'
import { goodPassword, registerSomebody, type TestServer } from '../support/server.ts'
import {
  day,
  describeFlow,
  eventually,
  footprint,
  hour,
  logIn,
  problem,
  refresh,
  sessionOf,
  sessionsOf,
  validate,
} from './flow-server.ts'

const newPassword = 'a quieter engine of silk'

describeFlow('login', (flow) => {
  const hashOf = async (userId: string) =>
    (
      await flow.server.app.database.db
        .selectFrom('passwords')
        .select('hash')
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow()
    ).hash

  const setStatus = (userId: string, status: 'active' | 'disabled' | 'pending') =>
    flow.server.app.database.db.updateTable('users').set({ status }).where('id', '=', userId).execute()

  /** Does something in the middle of the next login: its password is found right, its session is not there yet. */
  function afterNextVerify(server: TestServer, act: () => Promise<unknown>): void {
    const { hasher } = server.app
    const { verify } = hasher
    hasher.verify = async (...given) => {
      hasher.verify = verify
      const verdict = await verify(...given)
      await act()
      return verdict
    }
  }

  it('opens a session of its own each time', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    server.clock.advance(hour)
    const [one, two] = [await logIn(server, person.email), await logIn(server, person.email, { device_name: 'Phone' })]
    assert.deepEqual([one.status, two.status, one.body.generation], [200, 200, 0])
    assert.equal(new Set([person.session_id, one.body.session_id, two.body.session_id]).size, 3)
    for (const { body } of [one, two]) assert.equal((await validate(server, body.access_token)).status, 200)
    assert.equal((await sessionOf(server, two.body.session_id)).device_name, 'Phone')
    const { claims } = (await validate(server, two.body.access_token)).body
    assert.ok(claims.auth_time > (await sessionOf(server, person.session_id)).created_at / 1000 + 3000)
    assert.equal((await validate(server, person.access_token)).body.code, 'token_expired')
  })

  it('says and keeps when the user last logged in', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const { body } = await logIn(server, person.email)
    const late = Date.parse(body.server_time) - Date.parse(body.user.last_login_at)
    assert.ok(late >= 0 && late < 1000)
    const me = await server.call('GET', '/v1/users/me', { token: body.access_token })
    assert.deepEqual(me.body, body.user)
  })

  it('finds the address in any case and with blanks around it', async () => {
    const { email } = await registerSomebody(flow.server)
    for (const typed of [email.toUpperCase(), `  ${email}\t`])
      assert.equal((await logIn(flow.server, typed)).status, 200)
  })

  it('answers an unknown address, a wrong password and a user without one alike, and keeps nothing', async () => {
    const { server } = flow
    const [person, passwordless] = [await registerSomebody(server), await registerSomebody(server)]
    await server.app.database.db.deleteFrom('passwords').where('user_id', '=', passwordless.user.id).execute()
    const before = await footprint(server)
    const computed = server.app.hasher.stats().computed
    const answers = [
      await logIn(server, 'nobody@example.com'),
      await logIn(server, person.email, { password: `${goodPassword}!` }),
      await logIn(server, person.email, { password: goodPassword.toUpperCase() }),
      await logIn(server, passwordless.email),
    ]
    const told = answers.map(({ status, body: { request_id, ...body }, headers }) => ({
      status,
      body,
      challenge: headers.get('www-authenticate'),
    }))
    for (const each of told) assert.deepEqual(each, told[0])
    assert.equal(problem(answers[0]!), '401 invalid_credentials')
    assert.equal(answers[0]!.body.session_ended, false)
    assert.deepEqual(await footprint(server), before)
    assert.equal(server.app.hasher.stats().computed, computed + 4)
  })

  it('tells of a disabled account only after the right password, and opens nothing', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    for (const status of ['disabled', 'pending'] as const) {
      await setStatus(person.user.id, status)
      const before = await footprint(server)
      assert.equal(
        problem(await logIn(server, person.email, { password: 'wrong password' })),
        '401 invalid_credentials',
      )
      assert.equal(
        problem(await logIn(server, person.email)),
        `403 ${status === 'pending' ? 'email_not_verified' : 'account_disabled'}`,
      )
      assert.deepEqual(await footprint(server), before)
    }
    await setStatus(person.user.id, 'active')
    assert.equal((await logIn(server, person.email)).status, 200)
  })

  it('opens nothing for an account that is disabled while its password is checked', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    afterNextVerify(server, () => setStatus(person.user.id, 'disabled'))
    assert.equal(problem(await logIn(server, person.email)), '403 account_disabled')
    assert.equal((await sessionsOf(server, person.user.id)).length, 1)
  })

  it('refuses unknown fields and addresses that are none, without the work of a hash', async () => {
    const { server } = flow
    const before = await footprint(server)
    const computed = server.app.hasher.stats().computed
    for (const body of [
      { remember: true },
      { email: 'nobody' },
      { password: '' },
      { password: 'a\u0000b' },
      { email: 7 },
    ]) {
      assert.equal(
        problem(await logIn(server, 'nobody@example.com', body)),
        '422 validation_failed',
        JSON.stringify(body),
      )
    }
    assert.deepEqual(await footprint(server), before)
    assert.equal(server.app.hasher.stats().computed, computed)
  })

  it('takes a password in either Unicode form', async () => {
    const email = 'angelique@example.com'
    const password = 'Ange\u0301lique aime la mer'
    await flow.server.call('POST', '/v1/auth/register', { body: { email, password } })
    assert.equal((await logIn(flow.server, email, { password: password.normalize('NFC') })).status, 200)
  })

  it('brings the hash to the scheme and cost of today, and then leaves it alone', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const [argon, wait] = [await hashOf(person.user.id), () => hashOf(person.user.id)]
    const steps = [
      { settings: { PASSWORD_HASH: 'bcrypt', BCRYPT_COST: '10' }, shape: /\$10\$|,r=10/ },
      { settings: { PASSWORD_HASH: 'bcrypt', BCRYPT_COST: '11' }, shape: /\$11\$|,r=11/ },
      { settings: { PASSWORD_HASH: 'argon2id' }, shape: /^\$argon2id\$/ },
    ]
    let former = argon
    for (const { settings, shape } of steps) {
      const other = await flow.start({ settings })
      try {
        assert.equal((await logIn(other, person.email, { password: 'wrong password' })).status, 401)
        assert.equal((await logIn(other, person.email)).status, 200)
        await eventually(async () => (await wait()) !== former)
        former = await wait()
        assert.match(former, shape)
        assert.equal((await logIn(other, person.email)).status, 200)
      } finally {
        // Waits for work that the answers did not wait for.
        await other.close()
      }
      assert.equal(await wait(), former)
    }
    const row = await server.app.database.db
      .selectFrom('passwords')
      .selectAll()
      .where('user_id', '=', person.user.id)
      .executeTakeFirstOrThrow()
    assert.equal(row.changed_at, (await sessionOf(server, person.session_id)).created_at)
  })

  it('does not rehash over a password that was changed meanwhile', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const other = await flow.start({ settings: { PASSWORD_HASH: 'bcrypt', BCRYPT_COST: '10' } })
    try {
      const { hasher } = other.app
      const { hash } = hasher
      let rehashed = false
      hasher.hash = async (...given) => {
        const late = await hash(...given)
        const change = await server.call('POST', '/v1/users/me/password', {
          token: person.access_token,
          body: { current_password: goodPassword, new_password: newPassword },
        })
        assert.equal(change.status, 200)
        rehashed = true
        return late
      }
      assert.equal((await logIn(other, person.email)).status, 200)
      await eventually(() => rehashed)
    } finally {
      await other.close()
    }
    assert.match(await hashOf(person.user.id), /^\$argon2id\$/)
    assert.equal((await logIn(server, person.email)).status, 401)
    assert.equal((await logIn(server, person.email, { password: newPassword })).status, 200)
  })

  it('lets the right password in though a rehash replaced the stored form meanwhile', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const other = await flow.start({ settings: { PASSWORD_HASH: 'bcrypt', BCRYPT_COST: '10' } })
    try {
      const former = await hashOf(person.user.id)
      afterNextVerify(server, async () => {
        assert.equal((await logIn(other, person.email)).status, 200)
        await eventually(async () => (await hashOf(person.user.id)) !== former)
      })
      assert.equal((await logIn(server, person.email)).status, 200)
    } finally {
      await other.close()
    }
  })

  it('opens nothing by the old password when it is changed between check and session', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    afterNextVerify(server, async () => {
      const change = await server.call('POST', '/v1/users/me/password', {
        token: person.access_token,
        body: { current_password: goodPassword, new_password: newPassword },
      })
      assert.equal(change.status, 200)
    })
    assert.equal(problem(await logIn(server, person.email)), '401 invalid_credentials')
    assert.deepEqual(
      (await sessionsOf(server, person.user.id)).map(({ id }) => id),
      [person.session_id],
    )
  })

  it('opens nothing for an account that is deleted between check and session', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    afterNextVerify(server, () =>
      server.call('DELETE', '/v1/users/me', { token: person.access_token, body: { password: goodPassword } }),
    )
    assert.equal(problem(await logIn(server, person.email)), '401 invalid_credentials')
    assert.equal((await sessionsOf(server, person.user.id)).filter(({ ended_at }) => ended_at === null).length, 0)
  })

  it('leaves no session of the old password alive, however logins race with its change', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const change = server.call('POST', '/v1/users/me/password', {
      token: person.access_token,
      body: { current_password: goodPassword, new_password: newPassword },
    })
    const logins = await Promise.all(Array.from({ length: 12 }, () => logIn(server, person.email)))
    assert.equal((await change).status, 200)
    const opened = logins.filter(({ status }) => status === 200)
    for (const { body } of opened) {
      assert.equal(problem(await refresh(server, body.refresh_token)), '401 session_ended password_changed')
      assert.equal((await validate(server, body.access_token)).body.code, 'token_revoked')
    }
    const alive = (await sessionsOf(server, person.user.id)).filter(({ ended_at }) => ended_at === null)
    assert.deepEqual(
      alive.map(({ id }) => id),
      [person.session_id],
    )
  })

  it('lets a session live as long as the settings say', async () => {
    const { server } = flow
    const person = await registerSomebody(server)
    const brief = await flow.start({ settings: { SESSION_IDLE_TTL: '1h', SESSION_ABSOLUTE_TTL: '1d' } })
    try {
      const { body } = await logIn(brief, person.email)
      assert.ok(body.refresh_expires_in <= 3600 && body.refresh_expires_in > 3595)
      const row = await sessionOf(server, body.session_id)
      assert.deepEqual([row.idle_expires_at - row.created_at, row.absolute_expires_at - row.created_at], [hour, day])
    } finally {
      await brief.close()
    }
  })
})
