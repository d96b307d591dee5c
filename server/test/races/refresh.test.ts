import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { noRedeemers } from '../../src/domain/sessions/redeemers.ts'
import { onEachDatabase } from '../support/databases.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { History, type Outcome } from '../support/history.ts'
import { assertHistory } from '../support/history-check.ts'
import {
  freshKey,
  raceClient,
  recordStore,
  type StoredRecord,
  sendLogout,
  sendRefresh,
  sendValidate,
  type Where,
} from '../support/race-client.ts'
import { openSession, sessionRowOf, startRaceServer } from '../support/race-server.ts'
import { goodPassword, registerSomebody, type TestServer } from '../support/server.ts'

const minute = 60_000
const hour = 60 * minute

onEachDatabase((name, url) => {
  let server: TestServer
  let proxy: FaultProxy
  let history: History
  let where: Where

  before(async () => {
    server = await startRaceServer(url())
    proxy = await startFaultProxy(() => server.address)
    where = { node: 'a', address: proxy.address }
  })
  after(async () => {
    await proxy.close()
    await server.close()
  })

  /** A session, and its user's client at generation 0. */
  const begin = async (key: string | null = freshKey()) => {
    history = new History()
    const session = await openSession(server.app)
    const record: StoredRecord = { token: session.token, generation: 0, key }
    const store = recordStore(record)
    return { ...session, record, client: raceClient(history, honest(session.id), store) }
  }
  const honest = (session: string, client = 'laptop') => ({ session, client, role: 'honest' as const })
  const thief = (session: string) => ({ session, client: 'thief', role: 'thief' as const })
  const tokens = (outcomes: Outcome[]) => outcomes.filter((outcome) => outcome.kind === 'tokens')
  const rotate = async (client: ReturnType<typeof raceClient>, times: number) => {
    for (let turn = 0; turn < times; turn++) assert.equal((await client.refresh(where)).kind, 'tokens')
  }

  for (const [shape, makeKey] of [
    ['one key', freshKey],
    ['no key', () => null],
  ] as const) {
    it(`gives parallel refreshes with ${shape} one and the same successor`, async () => {
      const { id, record } = await begin(makeKey())
      const outcomes = await Promise.all(
        Array.from({ length: 24 }, (_, tab) => sendRefresh(history, honest(id, `tab ${tab}`), where, record)),
      )
      assert.equal(tokens(outcomes).length, 24)
      assert.equal((await sessionRowOf(server.app, id)).generation, 1)
      assertHistory(history.events)
    })
  }

  it('lets one of parallel refreshes with different keys win, and ends the session', async () => {
    const { id, record } = await begin()
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () => sendRefresh(history, thief(id), where, { ...record, key: freshKey() })),
    )
    assert.equal(tokens(outcomes).length, 1)
    const others = outcomes.filter((outcome) => outcome.kind !== 'tokens')
    assert.deepEqual(new Set(others.map((outcome) => outcome.kind === 'ended' && outcome.reason)), reuse)
    assert.equal((await sessionRowOf(server.app, id)).end_reason, 'refresh_token_reuse')
    assertHistory(history.events)
  })

  it('answers a retry an hour after the lost reply with the same successor, and writes nothing', async () => {
    const { id, client } = await begin()
    assert.equal((await client.refresh(where, 'lose-reply')).kind, 'unknown')
    const rotated = await sessionRowOf(server.app, id)
    assert.equal(rotated.generation, 1)
    server.clock.advance(hour)
    const retried = await client.refresh(where)
    assert.equal(retried.kind === 'tokens' && retried.generation, 1)
    assert.deepEqual(await sessionRowOf(server.app, id), rotated)
    await rotate(client, 2)
    assertHistory(history.events)
  })

  it('answers a keyless retry after a lost reply as well', async () => {
    const { client } = await begin(null)
    await client.refresh(where, 'lose-reply')
    server.clock.advance(hour)
    await rotate(client, 3)
    assertHistory(history.events)
  })

  it('ends the session when a lost reply is retried with another key', async () => {
    const { id, client, record } = await begin()
    await client.refresh(where, 'lose-reply')
    for (const key of [freshKey(), null]) {
      const outcome = await sendRefresh(history, thief(id), where, { ...record, key })
      assert.deepEqual(outcome, { kind: 'ended', reason: 'refresh_token_reuse' })
    }
    assert.equal((await client.refresh(where)).kind, 'ended')
    assertHistory(history.events)
  })

  it('answers a request that the network doubled twice alike', async () => {
    const { id, client } = await begin()
    for (let turn = 1; turn <= 5; turn++) {
      assert.equal((await client.refresh(where, 'duplicate')).kind, 'tokens')
      assert.equal((await sessionRowOf(server.app, id)).generation, turn)
    }
    assertHistory(history.events)
  })

  it('tells copies that arrive two to eight rotations late to read again, and changes nothing', async () => {
    const { id, client } = await begin()
    const sent = [client.store.record]
    for (let turn = 0; turn < 8; turn++) {
      await rotate(client, 1)
      sent.unshift(client.store.record)
    }
    const row = await sessionRowOf(server.app, id)
    for (const copy of sent.slice(2)) {
      assert.deepEqual(await sendRefresh(history, honest(id), where, copy), { kind: 'superseded' })
    }
    assert.equal((await sendRefresh(history, honest(id), where, sent[1]!)).kind, 'tokens')
    assert.deepEqual(await sessionRowOf(server.app, id), row)
    await rotate(client, 1)
    assertHistory(history.events)
  })

  for (const [shape, rotations, wait] of [
    ['nine rotations late', 9, 0],
    ['two rotations and more than ten minutes late', 2, 10 * minute + 5000],
  ] as const) {
    it(`takes a copy that arrives ${shape} for a second user`, async () => {
      const { id, client, record } = await begin()
      await rotate(client, rotations)
      server.clock.advance(wait)
      const outcome = await sendRefresh(history, thief(id), where, record)
      assert.deepEqual(outcome, { kind: 'ended', reason: 'refresh_token_reuse' })
      assertHistory(history.events)
    })
  }

  it('lets nothing live on after a logout that raced with refreshes', async () => {
    for (let round = 0; round < 8; round++) {
      const { id, client, record } = await begin()
      await rotate(client, 1)
      const { store } = client
      const race = [
        ...Array.from({ length: 4 }, () => client.refresh(where)),
        sendLogout(history, honest(id), where, round % 2 ? record.token : store.record.token),
        ...Array.from({ length: 4 }, () => client.refresh(where)),
      ]
      const outcomes = await Promise.all(race)
      assert.equal(outcomes[4]!.kind, 'done')
      for (const outcome of tokens(outcomes)) {
        assert.equal((await sendValidate(history, honest(id), where, outcome.accessToken)).kind, 'refused')
        assert.equal((await sendRefresh(history, honest(id), where, { ...outcome, key: null })).kind, 'ended')
      }
      assert.deepEqual(await client.refresh(where), { kind: 'ended', reason: 'logout' })
      assertHistory(history.events)
    }
  })

  it('lets no session that an old password opened outlive the change of the password', async () => {
    const somebody = await registerSomebody(server)
    const { email } = somebody
    let password = goodPassword
    let staying = somebody.access_token
    for (let round = 0; round < 4; round++) {
      history = new History()
      const login = () => server.call('POST', '/v1/auth/login', { body: { email, password } })
      const earlier = await login()
      const other = raceClient(
        history,
        honest(earlier.body.session_id, 'phone'),
        recordStore({ token: earlier.body.refresh_token, generation: 0, key: freshKey() }),
      )
      const next = `${goodPassword} ${round}`
      const logins = [login(), login(), login()]
      const change = server.call('POST', '/v1/users/me/password', {
        token: staying,
        body: { current_password: password, new_password: next },
      })
      logins.push(login(), login())
      const refreshes = Array.from({ length: 6 }, () => other.refresh(where))
      const changed = await change
      assert.equal(changed.status, 200)
      await Promise.all(refreshes)
      for (const answer of await Promise.all(logins)) {
        if (answer.status !== 200) {
          assert.equal(answer.body.code, 'invalid_credentials')
          continue
        }
        const { session_id, refresh_token, access_token } = answer.body
        const validated = await server.call('GET', '/v1/auth/validate', { token: access_token })
        assert.equal(validated.body.code, 'token_revoked')
        const record = { token: refresh_token, generation: 0, key: null }
        const outcome = await sendRefresh(history, honest(session_id), where, record)
        assert.deepEqual(outcome, { kind: 'ended', reason: 'password_changed' })
      }
      assert.deepEqual(await other.refresh(where), { kind: 'ended', reason: 'password_changed' })
      assert.equal((await login()).status, 401)
      password = next
      staying = changed.body.access_token
      assert.equal((await server.call('GET', '/v1/auth/validate', { token: staying })).status, 200)
    }
  })

  /** What a restore does to a session: its row is what it was at an earlier generation. */
  const setBack = async (id: string, generation: number, ago = hour) => {
    await history.record(
      { ...honest(id, 'operator'), node: 'a', operation: 'restore', generation, key: null },
      async () => {
        await server.app.database.db
          .updateTable('sessions')
          .set({ generation, redeemers: noRedeemers, rotated_at: server.clock.now() - ago, ended_at: null })
          .where('id', '=', id)
          .execute()
        return { kind: 'done' }
      },
    )
  }

  it('moves on over a row that was set back, and a thief with an older token is noticed', async () => {
    const { id, client } = await begin()
    await rotate(client, 3)
    const old = client.store.record
    await rotate(client, 2)
    await setBack(id, 2)
    const forward = await client.refresh(where)
    assert.equal(forward.kind === 'tokens' && forward.generation, 6)
    const stolen = await sendRefresh(history, thief(id), where, { ...old, key: null })
    assert.deepEqual(stolen, { kind: 'ended', reason: 'refresh_token_reuse' })
    assertHistory(history.events)
  })

  it('lets the higher generation win when a thief with an older token comes first after a restore', async () => {
    const { id, client } = await begin()
    await rotate(client, 3)
    const old = client.store.record
    await rotate(client, 2)
    await setBack(id, 2)
    const stolen = await sendRefresh(history, thief(id), where, { ...old, key: freshKey() })
    assert(stolen.kind === 'tokens')
    assert.equal(stolen.generation, 4)
    const forward = await client.refresh(where)
    assert.equal(forward.kind === 'tokens' && forward.generation, 6)
    const again = await sendRefresh(history, thief(id), where, { ...stolen, key: freshKey() })
    assert.equal(again.kind, 'superseded', 'nobody knows who used the generations that were skipped')
    const bare = await sendRefresh(history, thief(id), where, { ...stolen, key: null })
    assert.deepEqual(bare, { kind: 'ended', reason: 'refresh_token_reuse' })
  })

  it('gives one successor to refreshes that race over a row that was set back', async () => {
    const { id, client } = await begin()
    await rotate(client, 5)
    await setBack(id, 1)
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => client.refresh(where)))
    assert.equal(tokens(outcomes).length, 8)
    assert.equal((await sessionRowOf(server.app, id)).generation, 6)
    await rotate(client, 1)
    assertHistory(history.events)
  })

  it('moves forward even when the row that came back has lapsed by disuse', async () => {
    const { id, client } = await begin()
    await rotate(client, 3)
    await setBack(id, 1)
    await server.app.database.db
      .updateTable('sessions')
      .set({ idle_expires_at: server.clock.now() - hour })
      .where('id', '=', id)
      .execute()
    await rotate(client, 2)
    assertHistory(history.events)
  })

  /** Lets something else happen after the next refresh has judged its row and before it writes. */
  const beforeTheNextWrite = (happens: () => Promise<unknown>) => {
    const { app } = server
    const { commit } = app
    app.commit = async (work, shape) => {
      app.commit = commit
      await happens()
      return commit(work, shape)
    }
  }

  it('hands out nothing when a logout is answered between reading the row and writing it', async () => {
    const { id, client } = await begin()
    await rotate(client, 1)
    beforeTheNextWrite(() => sendLogout(history, honest(id), where, client.store.record.token))
    assert.deepEqual(await client.refresh(where), { kind: 'ended', reason: 'logout' })
    assert.equal((await sessionRowOf(server.app, id)).generation, 1)
  })

  it('judges a token anew when another key used it between reading the row and writing it', async () => {
    const { id, client, record } = await begin()
    beforeTheNextWrite(() => sendRefresh(history, thief(id), where, { ...record, key: freshKey() }))
    assert.deepEqual(await client.refresh(where), { kind: 'ended', reason: 'refresh_token_reuse' })
    assert.equal((await sessionRowOf(server.app, id)).generation, 1)
    assertHistory(history.events)
  })

  it('answers a retry with the same successor when the commit succeeded and the server did not notice', async () => {
    const { app } = server
    const { id, client } = await begin()
    const { commit } = app
    app.commit = async (work, shape) => {
      app.commit = commit
      await commit(work, shape)
      throw new TypeError('the connection broke after the commit')
    }
    const failed = await client.refresh(where)
    assert.deepEqual(failed, { kind: 'refused', status: 500 })
    assert.equal((await sessionRowOf(app, id)).generation, 1)
    // Planted, and expected: it is no mistake of the server.
    server.log.splice(0)
    const retried = await client.refresh(where)
    assert.equal(retried.kind === 'tokens' && retried.generation, 1)
    assertHistory(history.events)
  })

  if (name !== 'SQLite') {
    it('treats two nodes on one database as one', async () => {
      const second = await startRaceServer(url(), { clock: server.clock })
      try {
        const nodes = [where, { node: 'b', address: second.address }]
        for (let round = 0; round < 6; round++) {
          const { id, client } = await begin()
          const outcomes = await Promise.all(Array.from({ length: 16 }, (_, turn) => client.refresh(nodes[turn % 2]!)))
          assert.equal(tokens(outcomes).length, 16)
          await client.refresh(nodes[round % 2]!, 'lose-reply')
          assert.equal((await client.refresh(nodes[(round + 1) % 2]!)).kind, 'tokens')
          const access = client.accessToken!
          await sendLogout(history, honest(id), nodes[0]!, client.store.record.token)
          assert.equal((await client.refresh(nodes[1]!)).kind, 'ended')
          // A retry of the logout, elsewhere: who answers it refuses the access token at once, too.
          await sendLogout(history, honest(id), nodes[1]!, client.store.record.token)
          assert.equal((await sendValidate(history, honest(id), nodes[1]!, access)).kind, 'refused')
          assertHistory(history.events, { revocationBound: 2000 })
        }
        const { id, record } = await begin()
        const contest = await Promise.all(
          nodes.flatMap((node) =>
            Array.from({ length: 4 }, () => sendRefresh(history, thief(id), node, { ...record, key: freshKey() })),
          ),
        )
        assert.equal(tokens(contest).length, 1)
        assertHistory(history.events)
      } finally {
        await second.close()
      }
    })
  }
})

const reuse = new Set(['refresh_token_reuse'])
