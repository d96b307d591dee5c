import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Answer, registerSomebody } from '../support/server.ts'
import {
  day,
  describeQuickFlow,
  footprint,
  hour,
  journalOf,
  keyA,
  keyB,
  logIn,
  minute,
  problem,
  refresh,
  sessionOf,
  validate,
} from './flow-server.ts'

const reuse = '401 session_ended refresh_token_reuse'

describeQuickFlow('refresh', (flow) => {
  const person = () => registerSomebody(flow.server)
  const send = (token: string, key?: string) => refresh(flow.server, token, key)
  const key = (n: number) => `key-number-${n}-0123456789`
  const log = (event: string, session: string) =>
    flow.server.log.filter((line) => line.event === event && line.session === session)

  /** Refreshes `times` times, each token with a key of its own; the tokens and keys, oldest first. */
  async function chain(times: number, keyed = true) {
    const first = await person()
    const tokens = [first.refresh_token]
    for (let n = 0; n < times; n++) {
      const answer = await send(tokens[n]!, keyed ? key(n) : undefined)
      assert.equal(answer.status, 200)
      tokens.push(answer.body.refresh_token)
    }
    return { ...first, tokens }
  }

  async function isOver(session: { session_id: string; user: { id: string } }, accessToken: string, why: string) {
    const row = await sessionOf(flow.server, session.session_id)
    assert.equal(row.end_reason, why)
    assert.deepEqual(journalOf(flow.server, session.session_id), [`session ${why}`])
    assert.equal((await validate(flow.server, accessToken)).body.code, 'token_revoked')
  }

  it('uses the token up and answers with the next generation', async () => {
    const { server } = flow
    const first = await person()
    server.clock.advance(10 * minute)
    const { status, body } = await send(first.refresh_token, keyA)
    assert.deepEqual([status, body.generation, body.session_id], [200, 1, first.session_id])
    assert.notEqual(body.refresh_token, first.refresh_token)
    assert.notEqual(body.access_token, first.access_token)
    assert.equal((await validate(server, body.access_token)).status, 200)
    assert.deepEqual(body.user, (await server.call('GET', '/v1/users/me', { token: body.access_token })).body)
    const row = await sessionOf(server, first.session_id)
    assert.deepEqual([row.generation, row.ended_at, row.last_used_at], [1, null, row.rotated_at])
    assert.ok(row.rotated_at >= row.created_at + 10 * minute)
    assert.equal(row.idle_expires_at, row.rotated_at + 30 * day)
    assert.equal(row.absolute_expires_at, row.created_at + 90 * day)
    assert.deepEqual(journalOf(server, first.session_id), [])
  })

  it('keeps the time of the login in the access token', async () => {
    const first = await person()
    flow.server.clock.advance(2 * hour)
    const { body } = await send(first.refresh_token)
    const { claims } = (await validate(flow.server, body.access_token)).body
    assert.equal(claims.auth_time, Math.floor((await sessionOf(flow.server, first.session_id)).created_at / 1000))
    assert.ok(claims.iat >= claims.auth_time + 7200)
  })

  it('answers a retry with the same key by the same successor: at once, an hour and a month later', async () => {
    const { server } = flow
    for (const given of [keyA, undefined]) {
      const first = await person()
      const answer = await send(first.refresh_token, given)
      for (const later of [0, hour, 29 * day]) {
        server.clock.advance(later)
        const before = await footprint(server)
        const again = await send(first.refresh_token, given)
        assert.equal(again.status, 200, `${given} after ${later} ms`)
        assert.equal(again.body.refresh_token, answer.body.refresh_token)
        assert.equal(again.body.generation, 1)
        assert.equal((await validate(server, again.body.access_token)).status, 200)
        assert.deepEqual(await footprint(server), before)
      }
      assert.equal((await send(answer.body.refresh_token, keyB)).body.generation, 2)
    }
  })

  it('says truly how long the token of a retry will last', async () => {
    const first = await person()
    const answer = await send(first.refresh_token, keyA)
    flow.server.clock.advance(day)
    const again = await send(first.refresh_token, keyA)
    const less = answer.body.refresh_expires_in - again.body.refresh_expires_in
    assert.ok(Math.abs(less - 24 * 60 * 60) <= 5, String(less))
  })

  for (const [what, used, shown] of [
    ['another key', keyA, keyB],
    ['no key where there was one', keyA, undefined],
    ['a key where there was none', undefined, keyA],
  ] as const) {
    it(`takes the used token with ${what} as a second user, and ends the session`, async () => {
      const first = await person()
      const { body } = await send(first.refresh_token, used)
      assert.equal(problem(await send(first.refresh_token, shown)), reuse)
      await isOver(first, body.access_token, 'refresh_token_reuse')
      assert.equal((await validate(flow.server, first.access_token)).body.code, 'token_revoked')
      for (const token of [first.refresh_token, body.refresh_token]) {
        for (const any of [keyA, keyB, undefined]) assert.equal(problem(await send(token, any)), reuse)
      }
      assert.deepEqual(journalOf(flow.server, first.session_id), ['session refresh_token_reuse'])
      const [line, ...more] = log('refresh_token_reuse', first.session_id)
      assert.deepEqual([line?.generation, line?.presented, more.length], [1, 0, 0])
    })
  }

  it('answers a late message of two rotations ago with 409, ends nothing and writes nothing', async () => {
    const { tokens, ...first } = await chain(2)
    flow.server.clock.advance(9 * minute)
    const before = await footprint(flow.server)
    const answer = await send(tokens[0]!, key(0))
    assert.equal(problem(answer), '409 refresh_superseded')
    assert.equal(answer.body.session_ended, false)
    assert.deepEqual(await footprint(flow.server), before)
    assert.equal(log('refresh_superseded', first.session_id).length, 1)
    assert.equal((await send(tokens[2]!, keyA)).body.generation, 3)
  })

  it('takes the same late message as a second user once ten minutes have passed', async () => {
    const { tokens, ...first } = await chain(2)
    flow.server.clock.advance(10 * minute + 1)
    assert.equal(problem(await send(tokens[0]!, key(0))), reuse)
    assert.equal((await sessionOf(flow.server, first.session_id)).end_reason, 'refresh_token_reuse')
    assert.equal(problem(await send(tokens[2]!)), reuse)
  })

  it('takes a token of two rotations ago without a key, or with a wrong one, as a second user', async () => {
    const keyless = await chain(2, false)
    assert.equal(problem(await send(keyless.tokens[0]!)), reuse)
    const keyed = await chain(2)
    assert.equal(problem(await send(keyed.tokens[0]!, key(1))), reuse)
    const dropped = await chain(2)
    assert.equal(problem(await send(dropped.tokens[0]!)), reuse)
  })

  it('remembers the keys of eight generations, and takes the ninth as a second user', async () => {
    const { tokens } = await chain(9)
    for (let n = 1; n < 8; n++) assert.equal(problem(await send(tokens[n]!, key(n))), '409 refresh_superseded', `${n}`)
    assert.equal((await send(tokens[8]!, key(8))).body.refresh_token, tokens[9])
    assert.equal(problem(await send(tokens[0]!, key(0))), reuse)
  })

  it('gives parallel requests with one key one successor', async () => {
    const first = await person()
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(first.refresh_token, keyA)))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    assert.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 1)
    assert.equal((await sessionOf(flow.server, first.session_id)).generation, 1)
  })

  it('ends the session when two who do not share a key use one token at once', async () => {
    const first = await person()
    const answers: Answer[] = await Promise.all(
      Array.from({ length: 10 }, (_, n) => send(first.refresh_token, n % 2 ? keyA : keyB)),
    )
    for (const answer of answers) assert.ok(answer.status === 200 || problem(answer) === reuse, problem(answer))
    const successors = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token))
    assert.equal(successors.size, 1)
    assert.deepEqual(journalOf(flow.server, first.session_id), ['session refresh_token_reuse'])
    assert.equal(problem(await send([...successors][0])), reuse)
  })

  it('moves forward when the token is ahead of its row, and skipped generations have unknown users', async () => {
    const { server } = flow
    const { tokens, ...first } = await chain(3)
    const old = await sessionOf(server, first.session_id)
    const { generation, redeemers, rotated_at } = { ...old, generation: 0, redeemers: Buffer.alloc(64, 0xff) }
    await server.app.database.db
      .updateTable('sessions')
      .set({ generation, redeemers, rotated_at })
      .where('id', '=', first.session_id)
      .execute()

    const answer = await send(tokens[3]!, keyA)
    assert.deepEqual([answer.status, answer.body.generation], [200, 4])
    const row = await sessionOf(server, first.session_id)
    assert.equal(row.generation, 4)
    assert.deepEqual(row.redeemers.subarray(8), Buffer.alloc(56, 0xff))
    assert.equal(log('refresh_forward', first.session_id).length, 1)
    // A lost reply to the move is a retry like any other.
    assert.equal((await send(tokens[3]!, keyA)).body.refresh_token, answer.body.refresh_token)
    // Nobody knows who used the skipped ones: any key may be the right one, no key never is.
    assert.equal(problem(await send(tokens[1]!, keyB)), '409 refresh_superseded')
    assert.equal(problem(await send(tokens[2]!)), reuse)
  })

  it('moves forward though the restored row has been idle for too long, not though the session has expired', async () => {
    const { server } = flow
    const { tokens, ...first } = await chain(1)
    const { db } = server.app.database
    await db.updateTable('sessions').set({ generation: 0 }).where('id', '=', first.session_id).execute()
    server.clock.advance(31 * day)
    const answer = await send(tokens[1]!)
    assert.deepEqual([answer.status, answer.body.generation], [200, 2])

    await db.updateTable('sessions').set({ generation: 0 }).where('id', '=', first.session_id).execute()
    server.clock.advance(60 * day)
    const before = await footprint(server)
    assert.equal(problem(await send(answer.body.refresh_token)), '401 session_ended expired')
    assert.deepEqual(await footprint(server), before)
  })

  it('ends by itself when unused for the idle time, and a refresh puts that off', async () => {
    const { server } = flow
    const first = await person()
    server.clock.advance(30 * day - minute)
    const { status, body } = await send(first.refresh_token, keyA)
    assert.equal(status, 200)
    server.clock.advance(30 * day - minute)
    const again = await send(body.refresh_token, keyA)
    assert.equal(again.status, 200)
    server.clock.advance(30 * day)
    const before = await footprint(server)
    assert.equal(problem(await send(again.body.refresh_token, keyA)), '401 session_ended idle')
    // A retry that comes too late is idle, not theft.
    assert.equal(problem(await send(body.refresh_token, keyB)), '401 session_ended idle')
    assert.deepEqual(await footprint(server), before)
  })

  it('ends at the absolute time however often it was refreshed', async () => {
    const { server } = flow
    let { refresh_token: token } = await person()
    for (let n = 0; n < 4; n++) {
      const { body } = await send(token)
      token = body.refresh_token
      server.clock.advance(22 * day)
    }
    const last = await send(token)
    assert.ok(last.body.refresh_expires_in <= 2 * 24 * 60 * 60)
    server.clock.advance(2 * day)
    assert.equal(problem(await send(last.body.refresh_token)), '401 session_ended expired')
  })

  it('says of a session without a row whether it lapsed long ago or the restored database does not know it', async () => {
    const { server } = flow
    const first = await person()
    await server.app.database.db.deleteFrom('sessions').where('id', '=', first.session_id).execute()
    assert.equal(problem(await send(first.refresh_token)), '401 session_ended restored')
    server.clock.advance(90 * day + minute)
    assert.equal(problem(await send(first.refresh_token)), '401 session_ended expired')
  })

  it('refuses the session of a user who is disabled or gone, whoever forgot to end it', async () => {
    const { server } = flow
    const { db } = server.app.database
    const first = await person()
    await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', first.user.id).execute()
    const before = await footprint(server)
    assert.equal(problem(await send(first.refresh_token)), '401 session_ended disabled')
    assert.deepEqual(await footprint(server), before)
    await db.deleteFrom('users').where('id', '=', first.user.id).execute()
    assert.equal(problem(await send(first.refresh_token)), '401 session_ended deleted')
  })

  it('refuses what is no token of ours without asking the database', async () => {
    const { server } = flow
    const first = await person()
    const { database } = server.app
    const before = await footprint(server)
    const { getExecutor, executeQuery } = database.db
    const broken = () => {
      throw new Error('the database was asked')
    }
    Object.assign(database.db, { executeQuery: broken, getExecutor: broken })
    try {
      const { refresh_token: token } = first
      const altered = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
      for (const forged of [altered, token.slice(0, -1), `${token}A`, 'nttr_', 'x', first.access_token.slice(0, 500)]) {
        const answer = await send(forged)
        assert.equal(problem(answer), '401 invalid_refresh_token')
        assert.equal(answer.body.session_ended, false)
      }
    } finally {
      Object.assign(database.db, { executeQuery, getExecutor })
    }
    assert.deepEqual(await footprint(server), before)
    assert.equal((await send(first.refresh_token)).status, 200)
  })

  it('refuses unknown fields and keys that are none, and uses nothing up', async () => {
    const first = await person()
    const before = await footprint(flow.server)
    for (const bad of ['short', 'x'.repeat(129), 'white space in the key', 'käse-käse-käse-käse']) {
      const answer = await flow.server.call('POST', '/v1/auth/refresh', {
        body: { refresh_token: first.refresh_token },
        headers: { 'refresh-key': bad },
      })
      assert.equal(problem(answer), '422 validation_failed', bad)
    }
    for (const body of [
      { token: first.refresh_token },
      { refresh_token: first.refresh_token, key: keyA },
      { refresh_token: 7 },
    ]) {
      const answer = await flow.server.call('POST', '/v1/auth/refresh', { body })
      assert.equal(problem(answer), '422 validation_failed')
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('shows the newest address of a session', async () => {
    const first = await person()
    const { db } = flow.server.app.database
    await db.updateTable('sessions').set({ last_ip: '192.0.2.9' }).where('id', '=', first.session_id).execute()
    await send(first.refresh_token)
    assert.equal((await sessionOf(flow.server, first.session_id)).last_ip, '127.0.0.1')
  })

  it('gives up as overloaded when others are always faster, and ends nothing', async () => {
    const { server } = flow
    const first = await person()
    const { commit } = server.app
    server.app.commit = async () => false as never
    try {
      const answer = await send(first.refresh_token, keyA)
      assert.deepEqual([problem(answer), answer.headers.get('retry-after')], ['503 overloaded', '1'])
    } finally {
      server.app.commit = commit
    }
    assert.equal((await send(first.refresh_token, keyA)).body.generation, 1)
  })

  it('judges a reuse anew when the session went on meanwhile', async () => {
    const { server } = flow
    const { tokens, ...first } = await chain(1)
    const { database } = server.app
    const { startTransaction } = database.db
    // The rotation comes in between reading the row and ending the session.
    let interposed = false
    database.db.startTransaction = function (this: typeof database.db) {
      database.db.startTransaction = startTransaction
      const builder = startTransaction.call(database.db)
      const { execute } = builder
      builder.execute = async () => {
        assert.equal((await send(tokens[1]!, key(1))).body.generation, 2)
        interposed = true
        return execute.call(builder)
      }
      return builder
    }
    try {
      assert.equal(problem(await send(tokens[0]!, keyB)), reuse)
    } finally {
      database.db.startTransaction = startTransaction
    }
    assert.equal(interposed, true)
    assert.equal((await sessionOf(server, first.session_id)).generation, 2)
    assert.deepEqual(journalOf(server, first.session_id), ['session refresh_token_reuse'])
  })

  it('does not bring back a session that was logged out meanwhile', async () => {
    const { server } = flow
    const first = await person()
    const other = await logIn(server, first.email)
    const tokens = Array.from({ length: 10 }, () => send(first.refresh_token, keyA))
    const out = server.call('POST', '/v1/auth/logout', { body: { refresh_token: first.refresh_token } })
    const answers = await Promise.all(tokens)
    assert.equal((await out).status, 204)
    for (const answer of answers) {
      assert.ok(answer.status === 200 || problem(answer) === '401 session_ended logout', problem(answer))
      if (answer.status !== 200) continue
      assert.equal((await validate(server, answer.body.access_token)).body.code, 'token_revoked')
      assert.equal(problem(await send(answer.body.refresh_token)), '401 session_ended logout')
    }
    assert.equal((await validate(server, other.body.access_token)).status, 200)
  })
})
