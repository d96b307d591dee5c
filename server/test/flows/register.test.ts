import assert from 'node:assert/strict'
import { it } from 'node:test'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeFlow, footprint, problem, sessionsOf, validate } from './flow-server.ts'

const path = '/v1/auth/register'

describeFlow('register', (flow) => {
  const register = (body: unknown) => flow.server.call('POST', path, { body })
  const person = (email: string, more = {}) => ({ email, password: goodPassword, ...more })

  it('makes a user who is logged in at once', async () => {
    const { server } = flow
    const before = server.clock.now()
    const answer = await server.call('POST', path, {
      body: person('ada@example.com', { name: 'Ada', locale: 'en-GB', device_name: "Ada's laptop" }),
      headers: { 'user-agent': 'Analytical/1.0' },
    })
    assert.equal(answer.status, 201)
    const { access_token, refresh_token, refresh_expires_in, session_id, user, server_time, ...rest } = answer.body
    assert.deepEqual(rest, {
      token_type: 'Bearer',
      expires_in: 900,
      refresh_in: 675,
      generation: 0,
    })
    const month = 30 * 24 * 60 * 60
    assert.ok(refresh_expires_in <= month && refresh_expires_in > month - 5)
    assert.deepEqual(user, {
      id: user.id,
      email: 'ada@example.com',
      email_verified: false,
      name: 'Ada',
      locale: 'en-GB',
      roles: [],
      status: 'active',
      metadata: {},
      created_at: user.created_at,
      updated_at: user.created_at,
      last_login_at: null,
    })
    assert.ok(Date.parse(user.created_at) >= before && Date.parse(server_time) >= Date.parse(user.created_at))
    const { body } = await validate(server, access_token)
    assert.deepEqual([body.claims.sub, body.claims.sid, body.claims.roles], [user.id, session_id, []])
    assert.deepEqual(server.app.refreshTokens.read(refresh_token), { sessionId: session_id, generation: 0 })
    const [session, ...others] = await sessionsOf(server, user.id)
    assert.equal(others.length, 0)
    assert.deepEqual(
      [session?.id, session?.device_name, session?.user_agent, session?.last_ip, session?.ended_at],
      [session_id, "Ada's laptop", 'Analytical/1.0', '127.0.0.1', null],
    )
  })

  it('keeps neither the password nor a token', async () => {
    const made = await registerSomebody(flow.server)
    const everything = JSON.stringify([await footprint(flow.server), flow.server.log])
    for (const secret of [goodPassword, made.access_token, made.refresh_token]) {
      assert.equal(everything.includes(secret), false)
      assert.equal(everything.includes(Buffer.from(secret).toString('base64url')), false)
    }
  })

  it('takes an address in any case and with blanks around it as the same one', async () => {
    const made = await register(person('  Grace.Hopper@Example.COM '))
    assert.equal(made.body.user.email, 'grace.hopper@example.com')
    const before = await footprint(flow.server)
    for (const email of ['grace.hopper@example.com', 'GRACE.HOPPER@EXAMPLE.COM', ' grace.hopper@example.com\t']) {
      assert.equal(problem(await register(person(email))), '409 email_taken', email)
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('tells addresses apart that a sloppy collation would not', async () => {
    for (const email of ['a.b@example.net', 'ab@example.net', 'a.b@example.ne', 'a-b@example.net', 'a_b@example.net']) {
      assert.equal((await register(person(email))).status, 201, email)
    }
  })

  it('gives an address to one of twenty who ask for it at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => register(person(n % 2 ? 'race@example.com' : 'RACE@example.com'))),
    )
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [201, ...Array.from({ length: 19 }, () => 409)])
    const { users, passwords, sessions } = await footprint(flow.server)
    const [winner, ...more] = users.filter(({ email }) => email === 'race@example.com')
    assert.equal(more.length, 0)
    assert.equal(passwords.filter(({ user_id }) => user_id === winner!.id).length, 1)
    assert.equal(sessions.filter(({ user_id }) => user_id === winner!.id).length, 1)
    assert.equal(passwords.length, users.length)
  })

  it('answers a taken address without the work of a hash', async () => {
    const { email } = await registerSomebody(flow.server)
    const before = flow.server.app.hasher.stats().computed
    assert.equal(problem(await register(person(email))), '409 email_taken')
    assert.equal(flow.server.app.hasher.stats().computed, before)
  })

  it('answers 409 also when the address was taken while the password was hashed', async () => {
    const { hasher } = flow.server.app
    const { hash } = hasher
    hasher.hash = async (...given) => {
      hasher.hash = hash
      await registerSomebody(flow.server, 'slow@example.com')
      return hash(...given)
    }
    try {
      assert.equal(problem(await register(person('slow@example.com'))), '409 email_taken')
    } finally {
      hasher.hash = hash
    }
    const { users } = await footprint(flow.server)
    assert.equal(users.filter(({ email }) => email === 'slow@example.com').length, 1)
  })

  it('refuses unknown and wrong fields by name, and keeps nothing', async () => {
    const before = await footprint(flow.server)
    for (const [body, pointer] of [
      [person('x@example.com', { passwort: 'x' }), '/passwort'],
      [person('x@example.com', { roles: ['admin'] }), '/roles'],
      [person('x@example.com', { status: 'active' }), '/status'],
      [person('x@example.com', { id: 'x' }), '/id'],
      [person('not an address'), '/email'],
      [person('ada\uff20example.com'), '/email'],
      [person('x@example.com', { name: 'a\nb' }), '/name'],
      [person('x@example.com', { name: '' }), '/name'],
      [person('x@example.com', { locale: 'English' }), '/locale'],
      [person('x@example.com', { device_name: '\u0000' }), '/device_name'],
      [person('x@example.com', { name: 7 }), '/name'],
      [{ email: 'x@example.com' }, '/password'],
      [{ password: goodPassword }, '/email'],
    ] as const) {
      const answer = await register(body)
      assert.equal(problem(answer), '422 validation_failed', pointer)
      assert.deepEqual(
        answer.body.errors.map((error: { pointer: string }) => error.pointer),
        [pointer],
      )
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('refuses weak passwords each for its reason, and keeps nothing', async () => {
    const before = await footprint(flow.server)
    const computed = flow.server.app.hasher.stats().computed
    for (const [password, expected] of [
      ['short', '422 password_too_short'],
      ['password1', '422 password_too_common'],
      ['weak@example.com', '422 password_too_similar'],
      ['Weak Person', '422 password_too_similar'],
      ['tab\tin a password', '422 validation_failed'],
      ['x'.repeat(257), '422 validation_failed'],
    ] as const) {
      const answer = await register(person('weak@example.com', { password, name: 'Weak Person' }))
      assert.equal(problem(answer), expected, password)
      assert.equal(answer.body.errors[0].pointer, '/password')
      if (password !== 'short') assert.equal(answer.text.includes(password), false)
    }
    assert.deepEqual(await footprint(flow.server), before)
    assert.equal(flow.server.app.hasher.stats().computed, computed)
  })

  it('is closed where the operator closed it, for free and taken addresses alike', async () => {
    const { email } = await registerSomebody(flow.server)
    const closed = await flow.start({ settings: { REGISTRATION: 'closed' } })
    try {
      const before = await footprint(closed)
      for (const address of [email, 'new@example.com']) {
        const answer = await closed.call('POST', path, { body: person(address) })
        assert.equal(problem(answer), '403 registration_closed')
      }
      assert.deepEqual(await footprint(closed), before)
    } finally {
      await closed.close()
    }
  })
})
