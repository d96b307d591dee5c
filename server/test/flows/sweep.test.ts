import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sweep } from '../../src/chores/sweep.ts'
import { takeLease } from '../../src/database/lease.ts'
import { insertOneTimeToken } from '../../src/domain/links/store.ts'
import { insertRevocations } from '../../src/domain/revocations/store.ts'
import { insertServiceSecret } from '../../src/domain/services/store.ts'
import { insertSession } from '../../src/domain/sessions/store.ts'
import { newPace, sweepBatch } from '../../src/flows/sweep.ts'
import { newId, randomBytes } from '../../src/random.ts'
import { sessionRow } from '../support/rows.ts'
import { registerSomebody } from '../support/server.ts'
import {
  day,
  describeQuickFlow,
  hour,
  keyA,
  logIn,
  problem,
  refresh,
  sessionOf,
  sessionsOf,
  validate,
} from './flow-server.ts'

describeQuickFlow('the cleanup', (flow) => {
  const { now } = { now: () => flow.server.clock.now() }
  const db = () => flow.server.app.database.db
  const idsOf = async (table: 'sessions' | 'revocations' | 'service_secrets' | 'one_time_tokens') =>
    (await db().selectFrom(table).select('id').execute()).map(({ id }) => id)

  it('removes sessions a day after their longest life, however they ended, and no other', async () => {
    const add = async (changes: Parameters<typeof sessionRow>[0]) => {
      const row = sessionRow({ id: newId(now()), ...changes })
      await insertSession(db(), row)
      return row.id
    }
    const at = now()
    const kept = [
      await add({ absolute_expires_at: at + hour, idle_expires_at: at - 60 * day }),
      await add({ absolute_expires_at: at - day + hour }),
      await add({ absolute_expires_at: at + hour, ended_at: at - 80 * day, end_reason: 'logout' }),
    ]
    const gone = [
      await add({ absolute_expires_at: at - day - hour }),
      await add({ absolute_expires_at: at - 2 * day, ended_at: at - 3 * day, end_reason: 'logout' }),
    ]
    await sweep(flow.server.app)
    const left = await idsOf('sessions')
    for (const id of kept) assert.ok(left.includes(id))
    for (const id of gone) assert.ok(!left.includes(id))
  })

  it('removes failures that are forgotten and buckets that are empty, and never a lock', async () => {
    const at = now()
    const guesses = (name: string, forgotten_at: number | null) => ({ name, failures: 5, last_at: at, forgotten_at })
    await db()
      .insertInto('guesses')
      .values([guesses('forgotten', at - 1), guesses('fresh', at + hour), guesses('locked', null)])
      .execute()
    await db()
      .insertInto('buckets')
      .values([
        { name: 'empty', empty_at: at - hour },
        { name: 'filled', empty_at: at + hour },
      ])
      .execute()
    await sweep(flow.server.app)
    const left = async (table: 'guesses' | 'buckets') =>
      (await db().selectFrom(table).select('name').orderBy('name').execute()).map(({ name }) => name)
    assert.deepEqual([await left('guesses'), await left('buckets')], [['fresh', 'locked'], ['filled']])
  })

  it('removes lapsed revocations, one-time tokens, dead secrets and removed keys', async () => {
    const at = now()
    const revocation = (until_at: number) => ({
      id: newId(at),
      kind: 'session' as const,
      subject: newId(at),
      before_at: until_at - hour,
      until_at,
      reason: 'logout',
      revoked_at: until_at - hour,
      position: 1,
    })
    const [lapsed, living] = [revocation(at - 2 * day), revocation(at + hour)]
    await insertRevocations(db(), [lapsed, living])
    const secret = (expires_at: number | null) => ({
      id: newId(at),
      service_id: newId(at),
      hash: randomBytes(32),
      created_at: at - 90 * day,
      expires_at,
    })
    const [dead, dying, lasting] = [secret(at - 31 * day), secret(at - day), secret(null)]
    for (const row of [dead, dying, lasting]) await insertServiceSecret(db(), row as never)
    const token = (expires_at: number) => ({
      id: newId(at),
      hash: randomBytes(32),
      purpose: 'reset-password',
      user_id: newId(at),
      email: 'ada@example.com',
      created_at: at - 3 * day,
      expires_at,
      used_at: null,
    })
    const [stale, fresh] = [token(at - 2 * day), token(at + hour)]
    for (const row of [stale, fresh].map((each) => ({ ...each, mailed: 0 })))
      await insertOneTimeToken(db(), row as never)
    const key = (kid: string, days: number, revoked_at: number | null = null) => ({
      kid,
      algorithm: 'ES256',
      state: 'removed' as const,
      public_jwk: JSON.stringify({ kty: 'EC' }),
      sealed_private: Buffer.alloc(0),
      created_at: at - 200 * day,
      activated_at: at - 200 * day,
      retired_at: at - days * day,
      revoked_at,
    })
    const keys = [key('long-gone', 181), key('just-gone', 179), key('revoked', 5000, at - 5000 * day)]
    await db().insertInto('signing_keys').values(keys).execute()

    await sweep(flow.server.app)
    assert.deepEqual(
      (await idsOf('revocations')).filter((id) => [lapsed.id, living.id].includes(id)),
      [living.id],
    )
    assert.deepEqual((await idsOf('service_secrets')).sort(), [dying.id, lasting.id].sort())
    assert.deepEqual(await idsOf('one_time_tokens'), [fresh.id])
    const kids = await db().selectFrom('signing_keys').select('kid').execute()
    assert.equal(
      kids.some(({ kid }) => kid === 'long-gone'),
      false,
    )
    // One that was revoked is never let in again.
    for (const kept of ['just-gone', 'revoked']) assert.ok(kids.some(({ kid }) => kid === kept))
    assert.ok(kids.length >= 4)
  })

  it('goes batch by batch, of at most 500 rows, and says how much is left', async () => {
    const { app } = flow.server
    const at = now()
    const rows = Array.from({ length: 1300 }, (_, index) =>
      sessionRow({ id: newId(at), absolute_expires_at: at - 3 * day - index }),
    )
    for (let start = 0; start < rows.length; start += 100) {
      await db()
        .insertInto('sessions')
        .values(rows.slice(start, start + 100))
        .execute()
    }
    const pace = newPace()
    assert.equal(await sweepBatch(app, 'sessions', pace, 10_000), true)
    for (let batch = 0; batch < 10; batch++) {
      assert.ok(pace.rows <= 500)
      if (!(await sweepBatch(app, 'sessions', pace, 10_000))) break
    }
    assert.equal(pace.rows, 500)
    await sweepBatch(app, 'revocations', pace, -1)
    const left = (await idsOf('sessions')).filter((id) => rows.some((row) => row.id === id))
    assert.deepEqual(left, [])
    // A batch that took too long is followed by a smaller one.
    await insertSession(db(), sessionRow({ absolute_expires_at: at - 10 * day }))
    const slow = { rows: 300 }
    await sweepBatch(app, 'sessions', slow, -1)
    assert.equal(slow.rows, 150)
    const deleted = [...app.meter.counted('ntt_auth_cleanup_deleted_rows_total')].find(
      ({ labels }) => labels.table === 'sessions',
    )
    assert.ok(deleted!.value >= 1300)
  })

  it('leaves the work to the node that is at it, and says for how long the oldest row has been due', async () => {
    const { app } = flow.server
    const row = sessionRow({ absolute_expires_at: now() - 3 * day })
    await insertSession(db(), row)
    const lease = { name: 'sweep', owner: 'another node', now: now(), duration: hour }
    assert.ok(await takeLease(app.database, lease))
    await sweep(app)
    assert.ok((await idsOf('sessions')).includes(row.id))
    const backlog = () =>
      [...app.meter.found('ntt_auth_oldest_expired_row_seconds')].find(({ labels }) => labels.table === 'sessions')!
        .value
    assert.ok(Math.abs(backlog() - (2 * day) / 1000) < 60)
    flow.server.clock.advance(2 * hour)
    await sweep(app)
    assert.ok(!(await idsOf('sessions')).includes(row.id))
    assert.equal(backlog(), 0)
  })
})

describeQuickFlow(
  'the limit of sessions of a user',
  (flow) => {
    it('ends the session that was used longest ago when one more begins, and says why', async () => {
      const { server } = flow
      const first = await registerSomebody(server)
      const step = () => server.clock.advance(1000)
      step()
      const second = (await logIn(server, first.email)).body
      step()
      const third = (await logIn(server, first.email)).body
      step()
      // The first one is used again, so the second is the one to go.
      const used = await refresh(server, first.refresh_token, keyA)
      step()
      const fourth = await logIn(server, first.email)
      assert.equal(fourth.status, 200)
      assert.equal(problem(await refresh(server, second.refresh_token, keyA)), '401 session_ended session_limit')
      assert.equal(problem(await validate(server, second.access_token)), '401 token_revoked')
      for (const token of [used.body.access_token, third.access_token, fourth.body.access_token]) {
        assert.equal((await validate(server, token)).status, 200)
      }
      assert.equal((await sessionOf(server, second.session_id)).end_reason, 'session_limit')
      const alive = (await sessionsOf(server, first.user.id)).filter(({ ended_at }) => ended_at === null)
      assert.equal(alive.length, 3)
    })

    it('counts only sessions that are alive', async () => {
      const { server } = flow
      const one = await registerSomebody(server)
      for (let count = 0; count < 2; count++) {
        const { body } = await logIn(server, one.email)
        await server.call('POST', '/v1/auth/logout', { body: { refresh_token: body.refresh_token } })
      }
      await logIn(server, one.email)
      await logIn(server, one.email)
      assert.equal((await refresh(server, one.refresh_token, keyA)).status, 200)
    })

    it('holds also when many log in at once', async () => {
      const { server } = flow
      const one = await registerSomebody(server)
      await Promise.all(Array.from({ length: 6 }, () => logIn(server, one.email)))
      const alive = (await sessionsOf(server, one.user.id)).filter(({ ended_at }) => ended_at === null)
      assert.equal(alive.length, 3)
    })
  },
  { settings: { SESSION_LIMIT: '3' } },
)
