import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { cookieName } from '../../src/http/cookies.ts'
import { registerSomebody } from '../support/server.ts'
import {
  day,
  describeQuickFlow,
  footprint,
  hour,
  journalOf,
  keyA,
  logIn,
  minute,
  problem,
  refresh,
  sessionOf,
  validate,
} from './flow-server.ts'

describeQuickFlow('logout', (flow) => {
  const person = () => registerSomebody(flow.server)
  const out = (body: Record<string, unknown>, token?: string) =>
    flow.server.call('POST', '/v1/auth/logout', { body, ...(token !== undefined && { token }) })
  const state = async (token: string) => {
    const answer = await refresh(flow.server, token, keyA)
    return answer.status === 200 ? 'alive' : (answer.body.end_reason ?? answer.body.code)
  }

  async function threeDevices() {
    const one = await person()
    const [two, three] = [(await logIn(flow.server, one.email)).body, (await logIn(flow.server, one.email)).body]
    return [one, two, three] as const
  }

  it('is remembered until the last token made before it has expired on every clock', async () => {
    const one = await registerSomebody(flow.server)
    const { app } = flow.server
    assert.equal((await flow.server.call('POST', '/v1/auth/logout', { token: one.access_token })).status, 204)
    const rows = app.database.db.selectFrom('revocations').selectAll().where('subject', '=', one.session_id)
    const { before_at, until_at } = await rows.executeTakeFirstOrThrow()
    // A clock may be half a minute ahead where the token was made, and half a minute behind where it is shown.
    // An hour is the longest life that any node may give, and each of two clocks may be an hour off.
    assert.equal(until_at - before_at, 3 * hour + 30_000)
  })

  it('ends the session of a refresh token, at once and with the reason', async () => {
    const [one, two] = await threeDevices()
    const answer = await out({ refresh_token: one.refresh_token })
    assert.deepEqual([answer.status, answer.text], [204, ''])
    assert.equal((await validate(flow.server, one.access_token)).body.code, 'token_revoked')
    assert.equal(await state(one.refresh_token), 'logout')
    assert.equal((await validate(flow.server, two.access_token)).status, 200)
    assert.equal(await state(two.refresh_token), 'alive')
    assert.deepEqual(journalOf(flow.server, one.session_id, two.session_id, one.user.id), ['session logout'])
    assert.equal((await sessionOf(flow.server, one.session_id)).end_reason, 'logout')
  })

  it('ends the session of an access token, with or without a body', async () => {
    const [one, two] = await threeDevices()
    assert.equal((await out({}, one.access_token)).status, 204)
    assert.equal((await flow.server.call('POST', '/v1/auth/logout', { token: two.access_token })).status, 204)
    assert.deepEqual([await state(one.refresh_token), await state(two.refresh_token)], ['logout', 'logout'])
  })

  it('has the end in the journal before it answers', async () => {
    const one = await person()
    await out({ refresh_token: one.refresh_token })
    const directory = join(flow.dataDir, 'journal')
    const text = readdirSync(directory)
      .map((file) => readFileSync(join(directory, file), 'utf8'))
      .join('')
    assert.equal(text.split('\n').filter((line) => line.includes(one.session_id)).length, 1)
  })

  it('writes the end into the journal only after the commit, with the time that the row has', async () => {
    const { server } = flow
    const one = await person()
    const { journal } = server.app
    const { append } = journal
    let rowThen: ReturnType<typeof sessionOf> | undefined
    journal.append = (ends) => {
      rowThen ??= sessionOf(server, one.session_id)
      append(ends)
    }
    try {
      await out({ refresh_token: one.refresh_token })
    } finally {
      journal.append = append
    }
    const at = (await rowThen)?.ended_at
    assert.equal(typeof at, 'number')
    assert.deepEqual(
      [...journal.newestFirst()].find(({ id }) => id === one.session_id),
      { kind: 'session', id: one.session_id, at, reason: 'logout' },
    )
  })

  it('takes a token of any generation', async () => {
    const one = await person()
    let token = one.refresh_token
    for (let n = 0; n < 12; n++) token = (await refresh(flow.server, token, keyA)).body.refresh_token
    assert.equal((await out({ refresh_token: one.refresh_token })).status, 204)
    assert.equal(await state(token), 'logout')
  })

  it('answers 204 again and again, and only the first time does something', async () => {
    const one = await person()
    await out({ refresh_token: one.refresh_token })
    const before = await footprint(flow.server)
    for (const scope of ['this', 'others', 'all']) {
      assert.equal((await out({ refresh_token: one.refresh_token, scope })).status, 204)
      assert.equal((await out({ scope }, one.access_token)).status, 204)
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('answers 204 to what nobody knows, and does nothing', async () => {
    const { server } = flow
    const one = await person()
    const forged = one.refresh_token.slice(0, -1) + (one.refresh_token.endsWith('A') ? 'B' : 'A')
    const unknown = server.app.refreshTokens.mint('01920000-1234-7abc-8def-0123456789ab', 3)
    const before = await footprint(server)
    for (const token of [forged, unknown, 'x']) {
      for (const scope of ['this', 'others', 'all'])
        assert.equal((await out({ refresh_token: token, scope })).status, 204)
    }
    assert.equal((await out({}, 'not.a.token')).status, 204)
    assert.equal((await out({}, `${one.access_token}x`)).status, 204)
    assert.deepEqual(await footprint(server), before)
    assert.equal(await state(one.refresh_token), 'alive')
  })

  it('answers 204 to an expired access token, and the session goes on', async () => {
    const one = await person()
    flow.server.clock.advance(hour)
    assert.equal((await out({}, one.access_token)).status, 204)
    assert.equal(await state(one.refresh_token), 'alive')
  })

  it('asks for a token where there is none, and refuses unknown scopes and fields', async () => {
    const one = await person()
    const before = await footprint(flow.server)
    assert.equal(problem(await out({})), '401 unauthenticated')
    assert.equal(problem(await flow.server.call('POST', '/v1/auth/logout')), '401 unauthenticated')
    assert.equal(problem(await out({ refresh_token: one.refresh_token, scope: 'both' })), '422 validation_failed')
    assert.equal(problem(await out({ refresh_token: one.refresh_token, everywhere: true })), '422 validation_failed')
    assert.deepEqual(await footprint(flow.server), before)
  })

  // The last member: what is answered where nothing else was sent.
  const unclean: [string, number][] = [
    ['Basic eDp5', 401],
    ['Digest x', 401],
    ['Bearerish x', 401],
    ['Bearer', 204],
    ['Bearer ', 204],
    ['bearer  x y', 204],
  ]
  for (const [authorization, alone] of unclean) {
    it(`is not kept from the cookie or the body by the header "${authorization}"`, async () => {
      const [one, two] = await threeDevices()
      const by = (body: object, headers: Record<string, string> = {}) =>
        flow.server.call('POST', '/v1/auth/logout', { body, headers: { authorization, ...headers } })
      assert.equal((await by({ refresh_token: one.refresh_token })).status, 204)
      const inBrowser = { origin: 'https://auth.example.com', cookie: `${cookieName}=${two.refresh_token}` }
      assert.equal((await by({}, inBrowser)).status, 204)
      assert.deepEqual([await state(one.refresh_token), await state(two.refresh_token)], ['logout', 'logout'])
      const before = await footprint(flow.server)
      assert.equal((await by({})).status, alone)
      assert.deepEqual(await footprint(flow.server), before)
    })
  }

  it("scope others ends the user's other sessions, which hear why, and keeps this one", async () => {
    const [one, two, three] = await threeDevices()
    const stranger = await person()
    assert.equal((await out({ scope: 'others' }, one.access_token)).status, 204)
    assert.equal((await validate(flow.server, one.access_token)).status, 200)
    for (const other of [two, three]) {
      assert.equal((await validate(flow.server, other.access_token)).body.code, 'token_revoked')
      assert.equal(await state(other.refresh_token), 'logout_others')
      assert.deepEqual(journalOf(flow.server, other.session_id), ['session logout_others'])
    }
    assert.deepEqual(journalOf(flow.server, one.session_id, one.user.id), [])
    assert.deepEqual([await state(one.refresh_token), await state(stranger.refresh_token)], ['alive', 'alive'])
  })

  it("scope all ends every session of the user, and nobody else's", async () => {
    const devices = await threeDevices()
    const stranger = await person()
    assert.equal((await out({ refresh_token: devices[1].refresh_token, scope: 'all' })).status, 204)
    for (const device of devices) {
      assert.equal((await validate(flow.server, device.access_token)).body.code, 'token_revoked')
      assert.equal(await state(device.refresh_token), 'logout_all')
    }
    assert.deepEqual(journalOf(flow.server, devices[0].user.id), ['user logout_all'])
    assert.equal(await state(stranger.refresh_token), 'alive')
    const again = await logIn(flow.server, devices[0].email)
    assert.equal((await validate(flow.server, again.body.access_token)).status, 200)
  })

  it('a session that ended before keeps its first reason', async () => {
    const [one, two] = await threeDevices()
    await out({ refresh_token: two.refresh_token })
    await out({ refresh_token: one.refresh_token, scope: 'all' })
    assert.equal(await state(two.refresh_token), 'logout')
    assert.equal(await state(one.refresh_token), 'logout_all')
  })

  it('does nothing by the token of a session that has expired', async () => {
    const { server } = flow
    const one = await person()
    server.clock.advance(89 * day)
    const two = (await logIn(server, one.email)).body
    server.clock.advance(day + minute)
    const before = await footprint(server)
    assert.equal((await out({ refresh_token: one.refresh_token, scope: 'all' })).status, 204)
    assert.deepEqual(await footprint(server), before)
    assert.equal(await state(two.refresh_token), 'alive')
  })

  it('ends a session for good, however many ask at the same time', async () => {
    const [one] = await threeDevices()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => out({ refresh_token: one.refresh_token, scope: n % 2 ? 'this' : 'all' })),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [204])
    const { revocations } = await footprint(flow.server)
    assert.equal((await validate(flow.server, one.access_token)).body.code, 'token_revoked')
    assert.ok(revocations.some(({ subject }) => subject === one.session_id))
    assert.notEqual(await state(one.refresh_token), 'alive')
  })

  it('does nothing by the token of a session that has lapsed by idleness, which keeps its own reason', async () => {
    const { server } = flow
    const one = await person()
    server.clock.advance(30 * day + minute)
    const two = (await logIn(server, one.email)).body
    const before = await footprint(server)
    for (const scope of ['this', 'others', 'all']) {
      assert.equal((await out({ refresh_token: one.refresh_token, scope })).status, 204)
    }
    assert.deepEqual(await footprint(server), before)
    assert.equal(await state(two.refresh_token), 'alive')
    await out({ refresh_token: two.refresh_token, scope: 'all' })
    assert.equal((await sessionOf(server, one.session_id)).end_reason, 'idle')
    assert.equal((await sessionOf(server, two.session_id)).end_reason, 'logout_all')
  })

  it('ends a session whose row went back so far that it looks idle, by a token ahead of it', async () => {
    const { server } = flow
    const one = await person()
    const { db } = server.app.database
    const next = (await refresh(server, one.refresh_token, keyA)).body
    const old = { generation: 0, idle_expires_at: server.clock.now() - 1 }
    await db.updateTable('sessions').set(old).where('id', '=', one.session_id).execute()
    assert.equal((await out({ refresh_token: next.refresh_token })).status, 204)
    assert.equal(await state(next.refresh_token), 'logout')
  })

  // A node dies after its commit and before its journal, or cannot write it: the client asks again, perhaps elsewhere.
  const acts: [string, (devices: Awaited<ReturnType<typeof threeDevices>>) => [string, string, object | undefined]][] =
    [
      ['scope this', () => ['POST', '/v1/auth/logout', { scope: 'this' }]],
      ['scope others', () => ['POST', '/v1/auth/logout', { scope: 'others' }]],
      ['scope all', () => ['POST', '/v1/auth/logout', { scope: 'all' }]],
      ['a device shown out', ([, two]) => ['DELETE', `/v1/users/me/sessions/${two.session_id}`, undefined]],
    ]
  for (const [name, request] of acts) {
    it(`${name}: without a journal it is not answered as done, and who answers the retry keeps it`, async () => {
      const devices = await threeDevices()
      const [one] = devices
      const [method, path, body] = request(devices)
      const { journal } = flow.server.app
      const { append } = journal
      journal.append = () => {
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      }
      const refused = await flow.server.call(method, path, { token: one.access_token, body })
      journal.append = append
      assert.equal(problem(refused), '503 unavailable')
      const rows = await Promise.all(devices.map(({ session_id }) => sessionOf(flow.server, session_id)))
      const ended = devices.filter((_device, index) => rows[index]!.ended_at !== null)
      assert.ok(ended.length > 0)
      for (const { access_token } of ended) {
        assert.equal((await validate(flow.server, access_token)).body.code, 'token_revoked')
      }

      const elsewhere = await flow.start()
      try {
        const retried = body
          ? await elsewhere.call(method, path, { body: { ...body, refresh_token: one.refresh_token } })
          : await elsewhere.call(method, path, { token: one.access_token })
        assert.equal(retried.status, 204)
        const lines = [...elsewhere.app.journal.newestFirst()]
        for (const { session_id, user } of ended) {
          const { ended_at } = await sessionOf(elsewhere, session_id)
          const line = lines.find(({ id, at }) => (id === session_id || id === user.id) && at === ended_at)
          assert.ok(line, `${session_id} is in no journal`)
        }
        const again = await footprint(elsewhere)
        if (body) await elsewhere.call(method, path, { body: { ...body, refresh_token: one.refresh_token } })
        assert.deepEqual(await footprint(elsewhere), again)
      } finally {
        await elsewhere.close()
      }
    })
  }

  it('takes no memory when it is repeated long after every token of it has expired', async () => {
    const { app, clock } = flow.server
    const one = await person()
    await out({ refresh_token: one.refresh_token })
    const { add } = app.revocations
    const added: string[] = []
    app.revocations.add = (rows) => {
      const all = [...rows]
      // The feed reads the same row from the database whenever it comes to it, and forgets it by itself.
      added.push(...all.filter((row) => !('position' in row)).map(({ subject }) => subject))
      return add(all)
    }
    try {
      // As long as a token may be alive, whoever repeats it has this node refuse it.
      clock.advance(3 * hour)
      assert.equal((await out({ refresh_token: one.refresh_token })).status, 204)
      assert.ok(added.includes(one.session_id))
      added.length = 0
      clock.advance(minute)
      assert.equal((await out({ refresh_token: one.refresh_token })).status, 204)
      assert.deepEqual(
        added.filter((subject) => subject === one.session_id),
        [],
      )
    } finally {
      app.revocations.add = add
    }
  })
})
