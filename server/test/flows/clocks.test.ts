import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { inTurn } from '../../src/chores/in-turn.ts'
import { sweep } from '../../src/chores/sweep.ts'
import { tendKeysInTurn } from '../../src/chores/tend-keys.ts'
import { takeLease, withLease } from '../../src/database/lease.ts'
import { insertOneTimeToken } from '../../src/domain/links/store.ts'
import { insertRevocations } from '../../src/domain/revocations/store.ts'
import { insertServiceSecret } from '../../src/domain/services/store.ts'
import { insertSession } from '../../src/domain/sessions/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { rotateKeys } from '../../src/flows/rotate-keys.ts'
import { newId, randomBytes } from '../../src/random.ts'
import { testClock } from '../support/clock.ts'
import { sessionRow } from '../support/rows.ts'
import type { TestServer } from '../support/server.ts'
import { day, describeQuickFlow, hour, minute } from './flow-server.ts'

describeQuickFlow('a node whose clock is three days ahead of the database', (flow) => {
  // SQLite has no clock but that of the node.
  if (flow.name === 'SQLite') return
  let ahead: TestServer
  before(async () => {
    const clock = testClock()
    clock.advance(3 * day)
    ahead = await flow.start({ clock, databaseClock: flow.server.clock })
  })
  after(() => ahead?.close())
  const db = () => flow.server.app.database.db
  const now = () => flow.server.clock.now()

  /** One row of each kind that was over so long ago, or will be. */
  async function addRows(overAt: number): Promise<Record<string, string>> {
    const ids = { sessions: newId(now()), revocations: newId(now()), one_time_tokens: newId(now()), keys: newId(now()) }
    const at = overAt - hour
    await insertSession(db(), sessionRow({ id: ids.sessions, created_at: at, absolute_expires_at: overAt }))
    const span = { before_at: at, until_at: overAt, revoked_at: at }
    const revoked = { kind: 'session', subject: newId(at), reason: 'logout', position: at } as const
    await insertRevocations(db(), [{ id: ids.revocations, ...revoked, ...span }])
    const token = {
      hash: randomBytes(32),
      purpose: 'password_reset',
      user_id: newId(at),
      email: 'a@example.com',
    } as const
    await insertOneTimeToken(db(), {
      id: ids.one_time_tokens,
      ...token,
      created_at: at,
      expires_at: overAt,
      used_at: null,
      mailed: 0,
    })
    return ids
  }
  const isThere = async (table: 'sessions' | 'revocations' | 'one_time_tokens' | 'service_secrets', id: string) =>
    (await db().selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()) !== undefined

  it('deletes nothing that is alive, and still what is over by both clocks', async () => {
    const [alive, over] = [await addRows(now() + hour), await addRows(now() - 2 * day)]
    const secret = { id: newId(now()), service_id: newId(now()), hash: randomBytes(32), created_at: now() - 60 * day }
    await insertServiceSecret(db(), { ...secret, expires_at: now() - 28 * day } as never)
    await sweep(ahead.app)
    for (const table of ['sessions', 'revocations', 'one_time_tokens'] as const) {
      assert.equal(await isThere(table, alive[table]!), true, table)
      assert.equal(await isThere(table, over[table]!), false, table)
    }
    assert.equal(await isThere('service_secrets', secret.id), true)
  })

  it('revokes a key by the time that all have in common, so that the next one has its turn when it is due', async () => {
    const { kid } = ahead.app.keyring.signer()!
    await revokeKey(ahead.app, operatorAct, kid)
    const rows = await db().selectFrom('signing_keys').selectAll().execute()
    for (const row of rows) {
      for (const at of [row.created_at, row.activated_at, row.retired_at, row.revoked_at]) {
        assert.ok(at === null || at <= now() + minute, `${row.state} ${at}`)
      }
    }
    const [active] = rows.filter(({ state }) => state === 'active')
    assert.ok(active!.activated_at! > now() - hour)
    assert.ok(rows.find((row) => row.kid === kid)!.revoked_at! > now() - hour)
  })

  it('is held back in the same way where it is the database that is ahead', async () => {
    const { database } = flow.server.app
    const { time } = database
    const alive = await addRows(now() + hour)
    database.time = async () => (await time())! + 3 * day
    try {
      await sweep(flow.server.app)
      assert.equal(await isThere('sessions', alive.sessions!), true)
    } finally {
      database.time = time
    }
  })

  it('keeps nobody out for longer than others when it takes a lease and dies', async () => {
    const endOf = async (name: string) =>
      (await db().selectFrom('leases').select('expires_at').where('name', '=', name).executeTakeFirstOrThrow())
        .expires_at
    const within = (at: number, most: number) => assert.ok(at > now() && at <= now() + most, `${at - now()} ms`)
    await inTurn(ahead.app, 'a chore', async () => within(await endOf('a chore'), minute))
    const { database, clock } = ahead.app
    await withLease(database, { name: 'a work', clock, duration: 900 }, async (stillHeld) => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      await stillHeld()
      within(await endOf('a work'), minute)
    })
  })

  it('does not take a lease from the node that holds it', async () => {
    const held = { name: 'held', owner: 'here', now: now(), duration: minute }
    assert.ok(await takeLease(flow.server.app.database, held))
    assert.equal(await inTurn(ahead.app, 'held', async () => assert.fail()), false)
  })

  it('moves no signing key before its time', async () => {
    const keys = () => db().selectFrom('signing_keys').selectAll().orderBy('kid').execute()
    await rotateKeys(flow.server.app, operatorAct, { now: true })
    const before = await keys()
    assert.ok(before.some(({ state }) => state === 'retiring'))
    assert.equal(await tendKeysInTurn(ahead.app), true)
    assert.deepEqual(await keys(), before)
    await assert.rejects(rotateKeys(ahead.app, operatorAct), { code: 'rotation_too_soon' })
  })

  it('is not ready, says why, and shows by how much in its metrics', async () => {
    const { ready, reasons } = await ahead.app.readiness.check()
    assert.equal(ready, false)
    assert.deepEqual(reasons, [
      'The clocks of this node and the database differ by 4320 minutes; one of them is wrong.',
    ])
    assert.equal((await flow.server.app.readiness.check()).ready, true)
    assert.ok(ahead.log.some(({ event, seconds }) => event === 'clock_skewed' && seconds === -3 * 24 * 3600))
  })
})

describeQuickFlow('a lease that was taken before the clock was set back', (flow) => {
  it('keeps nobody out for the days by which it was', async () => {
    const { app } = flow.server
    const wanted = (owner: string, now: number) => ({ name: 'set back', owner, now, duration: minute })
    assert.ok(await takeLease(app.database, wanted('one', app.clock.now() + 3 * day)))
    let done = false
    assert.equal(
      await inTurn(app, 'set back', async () => {
        done = true
      }),
      true,
    )
    assert.equal(done, true)
  })
})
