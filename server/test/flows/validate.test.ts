import assert from 'node:assert/strict'
import { it } from 'node:test'
import { registerSomebody, type TestServer } from '../support/server.ts'
import {
  day,
  describeFlow,
  eventually,
  hour,
  keyA,
  keyB,
  logIn,
  minute,
  problem,
  refresh,
  validate,
} from './flow-server.ts'

describeFlow('validate', (flow) => {
  const person = () => registerSomebody(flow.server)

  it('answers with the claims and how long they hold', async () => {
    const { server } = flow
    const one = await person()
    const { status, body } = await validate(server, one.access_token)
    assert.equal(status, 200)
    const { iat, nbf, exp, jti, auth_time, ...claims } = body.claims
    assert.deepEqual(claims, {
      iss: 'https://auth.example.com',
      aud: 'https://auth.example.com',
      sub: one.user.id,
      client_id: 'ntt-auth',
      sid: one.session_id,
      roles: [],
      roles_id: one.user.id,
    })
    assert.deepEqual([nbf, exp, auth_time, body.active], [iat, iat + 900, iat, true])
    assert.ok(body.expires_in <= 900 && body.expires_in > 890)
    const other = await logIn(server, one.email)
    assert.notEqual((await validate(server, other.body.access_token)).body.claims.jti, jti)
    server.clock.advance(10 * minute)
    assert.ok((await validate(server, one.access_token)).body.expires_in <= 300)
  })

  it('needs no database', async () => {
    const one = await person()
    const { database } = flow.server.app
    const { getExecutor } = database.db
    Object.assign(database.db, { getExecutor: () => assert.fail('the database was asked') })
    try {
      for (let n = 0; n < 2; n++) assert.equal((await validate(flow.server, one.access_token)).status, 200)
    } finally {
      Object.assign(database.db, { getExecutor })
    }
  })

  it('refuses a token once it has expired, seen before or not', async () => {
    const { server } = flow
    const [seen, unseen] = [await person(), await person()]
    await validate(server, seen.access_token)
    server.clock.advance(15 * minute - 5000)
    assert.equal((await validate(server, seen.access_token)).status, 200)
    // Clocks may lie 30 s apart.
    server.clock.advance(36_000)
    for (const { access_token } of [seen, unseen]) {
      assert.equal(problem(await validate(server, access_token)), '401 token_expired')
    }
  })

  it('refuses an altered, foreign or missing token', async () => {
    const { server } = flow
    const one = await person()
    await validate(server, one.access_token)
    const [header, payload, signature] = one.access_token.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...claims, roles: ['admin'] })).toString('base64url')
    for (const token of [
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${header}.${payload}.`,
      `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${forged}.`,
      one.refresh_token,
      'x',
    ]) {
      const answer = await validate(server, token)
      assert.equal(problem(answer), '401 invalid_token')
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/)
    }
    assert.equal(problem(await server.call('GET', '/v1/auth/validate')), '401 unauthenticated')
  })

  const ends: [string, (server: TestServer, one: Awaited<ReturnType<typeof person>>) => Promise<unknown>][] = [
    [
      'a logout',
      (server, one) => server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } }),
    ],
    [
      'a second use of its refresh token',
      async (server, one) => {
        await refresh(server, one.refresh_token, keyA)
        await refresh(server, one.refresh_token, keyB)
      },
    ],
    [
      'the deletion of the account',
      (server, one) =>
        server.call('DELETE', '/v1/users/me', { token: one.access_token, body: { password: one.password } }),
    ],
    [
      'the end from another device',
      async (server, one) => {
        const { access_token } = (await logIn(server, one.email)).body
        await server.call('DELETE', `/v1/users/me/sessions/${one.session_id}`, { token: access_token })
      },
    ],
  ]
  for (const [what, end] of ends) {
    it(`refuses a token of a session ended by ${what}, though it was seen before`, async () => {
      const one = await person()
      assert.equal((await validate(flow.server, one.access_token)).status, 200)
      await end(flow.server, one)
      assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    })
  }

  it('refuses it within a second and a half on another server, where it was seen before', async () => {
    const other = await flow.start()
    try {
      const [one, bystander] = [await person(), await person()]
      assert.equal((await validate(other, one.access_token)).status, 200)
      await flow.server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
      const lag = await eventually(async () => (await validate(other, one.access_token)).status === 401)
      assert.ok(lag < 1500, `${lag} ms`)
      assert.equal(problem(await validate(other, one.access_token)), '401 token_revoked')
      assert.equal((await validate(other, bystander.access_token)).status, 200)
    } finally {
      await other.close()
    }
  })

  it('refuses it on a server that starts later', async () => {
    const one = await person()
    await flow.server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
    const other = await flow.start()
    try {
      assert.equal(problem(await validate(other, one.access_token)), '401 token_revoked')
    } finally {
      await other.close()
    }
  })

  it('refuses what another server revokes while the database was out of reach, once it is back', async () => {
    const other = await flow.start()
    try {
      const one = await person()
      const { db } = other.app.database
      const { selectFrom, executeQuery } = db
      let asked = 0
      db.selectFrom = () => {
        throw new Error('out of reach')
      }
      // What was compiled before, as the reading of the feed is.
      db.executeQuery = async () => {
        asked++
        throw new Error('out of reach')
      }
      await eventually(() => asked > 0)
      await flow.server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
      assert.equal((await validate(other, one.access_token)).status, 200)
      Object.assign(db, { selectFrom, executeQuery })
      await eventually(async () => (await validate(other, one.access_token)).status === 401)
    } finally {
      await other.close()
    }
    assert.ok(true)
  })

  it('forgets a revocation only when no token it could hit is alive', async () => {
    const { server } = flow
    const one = await person()
    await server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
    const known = server.app.revocations.size()
    assert.ok(known > 0)
    server.clock.advance(15 * minute + 20_000)
    assert.equal(problem(await validate(server, one.access_token)), '401 token_revoked')
    server.clock.advance(3 * hour)
    await eventually(() => server.app.revocations.size() === 0)
    assert.equal(problem(await validate(server, one.access_token)), '401 token_expired')
    server.clock.advance(day)
  })
})
