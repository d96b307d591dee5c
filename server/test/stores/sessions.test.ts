import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import * as sessions from '../../src/domain/sessions/store.ts'
import { insertUser } from '../../src/domain/users/store.ts'
import { newId } from '../../src/random.ts'
import { sessionRow, userRow } from '../support/rows.ts'
import { describeStore, failure } from './fresh-stores.ts'

describeStore('the sessions store', (database) => {
  const db = () => database().db
  const read = async (id: string) => ({
    ...(await db().selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()),
  })
  async function insert(changes: Parameters<typeof sessionRow>[0] = {}) {
    const row = sessionRow(changes)
    await sessions.insertSession(db(), row)
    return row
  }
  const rotation = (row: { id: string; generation: number }, changes = {}) => ({
    id: row.id,
    from: row.generation,
    to: row.generation + 1,
    redeemers: Buffer.from(Array.from({ length: 64 }, (_, index) => 255 - index)),
    now: 11,
    idleExpiresAt: 12,
    ip: '2001:db8::1',
    ...changes,
  })

  it('reads a session as it was written, to the last byte', async () => {
    const row = await insert({
      generation: 2_147_483_647,
      redeemers: Buffer.from(Array.from({ length: 64 }, (_, index) => index * 4)),
      absolute_expires_at: 253_402_300_799_999,
      ended_at: 5,
      end_reason: 'refresh_token_reuse',
      last_ip: '2001:0db8:0000:0000:0000:ffff:255.255.255.255',
      user_agent: 'Mozilla/5.0 “x” 🦊'.padEnd(300, 'ü'),
      device_name: "Ada's 💻".padEnd(100, '字'),
    })
    assert.deepEqual(await read(row.id), row)
    const empty = await insert()
    assert.deepEqual(await read(empty.id), empty)
  })

  it('refuses an id that is there already', async () => {
    const row = await insert()
    assert.equal(database().dialect.isDuplicate(await failure(sessions.insertSession(db(), row))), true)
  })

  it('finds a session beside its user, and without when the user is gone', async () => {
    const user = userRow({ name: 'Ada', locale: 'en', last_login_at: 3, metadata: '{"a":1}' })
    await insertUser(db(), user)
    const row = await insert({ user_id: user.id, created_at: 77 })
    const [found, ...more] = (await sessions.findSessionWithUser(db(), { id: row.id })).rows
    assert.equal(more.length, 0)
    const { created_at, last_used_at, user_agent, device_name, ...columns } = row
    const { id: _, deletion_due_at: __, unconfirmed_since: ___, ...person } = user
    assert.deepEqual({ ...found }, { ...columns, session_created_at: 77, ...person })

    const orphan = await insert()
    const [alone] = (await sessions.findSessionWithUser(db(), { id: orphan.id })).rows
    assert.equal(alone?.id, orphan.id)
    assert.deepEqual([alone?.email, alone?.status, alone?.created_at], [null, null, null])
    assert.deepEqual((await sessions.findSessionWithUser(db(), { id: newId(1) })).rows, [])
  })

  it('rotates a session once, and only from the generation it has', async () => {
    const [row, other] = [await insert({ generation: 4 }), await insert({ generation: 4 })]
    const first = rotation(row)
    assert.equal((await sessions.rotateSessionRow(db(), rotation(row, { from: 3 }))).numAffectedRows, 0)
    assert.equal((await sessions.rotateSessionRow(db(), rotation(row, { from: 5 }))).numAffectedRows, 0)
    assert.deepEqual(await read(row.id), row)
    assert.equal((await sessions.rotateSessionRow(db(), first)).numAffectedRows, 1)
    assert.equal((await sessions.rotateSessionRow(db(), first)).numAffectedRows, 0)
    assert.deepEqual(await read(row.id), {
      ...row,
      generation: 5,
      redeemers: first.redeemers,
      rotated_at: 11,
      last_used_at: 11,
      idle_expires_at: 12,
      last_ip: '2001:db8::1',
    })
    assert.deepEqual(await read(other.id), other)
  })

  it('does not rotate an ended session', async () => {
    const row = await insert({ ended_at: 5, end_reason: 'logout' })
    assert.equal((await sessions.rotateSessionRow(db(), rotation(row))).numAffectedRows, 0)
    assert.deepEqual(await read(row.id), row)
  })

  it('lets one of twenty rotations through that come at once', async () => {
    const row = await insert()
    const results = await Promise.all(
      Array.from({ length: 20 }, () => inTransaction(database(), (tx) => sessions.rotateSessionRow(tx, rotation(row)))),
    )
    assert.equal(
      results.reduce((sum, { numAffectedRows }) => sum + numAffectedRows, 0),
      1,
    )
    assert.equal((await read(row.id)).generation, 1)
  })

  it('runs a prepared statement with its own values each time, in a transaction as well', async () => {
    const rows = [await insert(), await insert(), await insert()]
    for (const [index, row] of rows.entries()) {
      await inTransaction(database(), async (tx) => {
        const before = (await sessions.findSessionWithUser(tx, { id: row.id })).rows[0]
        assert.equal(before?.generation, 0)
        await sessions.rotateSessionRow(tx, rotation(row, { to: 10 + index }))
      })
    }
    for (const [index, row] of rows.entries()) {
      assert.equal((await sessions.findSessionWithUser(db(), { id: row.id })).rows[0]?.generation, 10 + index)
    }
  })

  it('ends a session once, and the first reason stays', async () => {
    const [row, other] = [await insert(), await insert()]
    assert.equal(await sessions.endSessionRow(db(), row.id, 'logout', 20), true)
    assert.equal(await sessions.endSessionRow(db(), row.id, 'admin', 21), false)
    assert.deepEqual(await read(row.id), { ...row, ended_at: 20, end_reason: 'logout' })
    assert.deepEqual(await read(other.id), other)
    assert.equal(await sessions.endSessionRow(db(), newId(1), 'logout', 20), false)
  })

  it('ends a session at a generation only while it is there', async () => {
    const row = await insert({ generation: 3 })
    assert.equal(await sessions.endSessionRow(db(), row.id, 'refresh_token_reuse', 20, 2), false)
    assert.deepEqual(await read(row.id), row)
    assert.equal(await sessions.endSessionRow(db(), row.id, 'refresh_token_reuse', 20, 3), true)
  })

  it('ends a thousand sessions at once, and leaves those alone that had ended', async () => {
    const user_id = newId(1)
    const rows = Array.from({ length: 1000 }, () => sessionRow({ user_id }))
    const ended = sessionRow({ user_id, ended_at: 1, end_reason: 'idle' })
    for (let start = 0; start < rows.length; start += 50) {
      await db()
        .insertInto('sessions')
        .values(rows.slice(start, start + 50))
        .execute()
    }
    await sessions.insertSession(db(), ended)
    const bystander = await insert()
    await sessions.endSessionRows(db(), [...rows.map(({ id }) => id), ended.id], 'logout_all', 20)
    const reasons = await db()
      .selectFrom('sessions')
      .select(({ fn }) => ['end_reason', fn.countAll().as('count')])
      .where('user_id', '=', user_id)
      .groupBy('end_reason')
      .orderBy('end_reason')
      .execute()
    assert.deepEqual(
      reasons.map(({ end_reason, count }) => [end_reason, Number(count)]),
      [
        ['idle', 1],
        ['logout_all', 1000],
      ],
    )
    assert.deepEqual(await read(bystander.id), bystander)
    await sessions.endSessionRows(db(), [], 'logout_all', 20)
  })

  it("ends a user's sessions that began by then, and no later one", async () => {
    const user_id = newId(1)
    const before = await insert({ user_id, created_at: 100 })
    const after = await insert({ user_id, created_at: 101 })
    const other = await insert({ created_at: 100 })
    assert.equal(await sessions.endSessionRowsOfUser(db(), user_id, 'deleted', 100), true)
    assert.equal(await sessions.endSessionRowsOfUser(db(), user_id, 'deleted', 100), false)
    assert.deepEqual(await read(before.id), { ...before, ended_at: 100, end_reason: 'deleted' })
    assert.deepEqual(await read(after.id), after)
    assert.deepEqual(await read(other.id), other)
  })

  it('lists the live sessions of a user, without one if told', async () => {
    const user_id = newId(1)
    const [one, two] = [await insert({ user_id }), await insert({ user_id })]
    await insert({ user_id, ended_at: 1, end_reason: 'logout' })
    await insert()
    assert.deepEqual(
      (await sessions.listOpenSessions(db(), user_id)).map(({ id }) => id).sort(),
      [one.id, two.id].sort(),
    )
    assert.deepEqual(
      (await sessions.listOpenSessions(db(), user_id, one.id)).map(({ id }) => id),
      [two.id],
    )
  })

  it('knows which ends of sessions and users it has, to the millisecond', async () => {
    const user_id = newId(1)
    const [one, two] = [await insert({ user_id, ended_at: 7 }), await insert({ user_id, ended_at: 7 })]
    const alive = await insert({ user_id })
    const ids = [one.id, two.id, alive.id, newId(1)]
    const ended = (await sessions.listEndedSessions(db(), ids, [7, 8])).map((row) => ({ ...row }))
    assert.deepEqual(
      ended.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      [one, two].map(({ id, ended_at }) => ({ id, ended_at })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    assert.deepEqual(await sessions.listEndedSessions(db(), ids, [6, 8]), [])
    assert.deepEqual(await sessions.listEndedSessions(db(), [], [7]), [])
    const users = await sessions.listEndedUsers(db(), [user_id, newId(1)], [7, 8])
    assert.deepEqual(
      users.map((row) => ({ ...row })),
      [{ user_id, ended_at: 7 }],
    )
    assert.deepEqual(await sessions.listEndedUsers(db(), [user_id], [8]), [])
    assert.deepEqual(await sessions.listEndedUsers(db(), [], [7]), [])
  })

  it('finds a session for its own user only', async () => {
    const row = await insert()
    assert.deepEqual({ ...(await sessions.findSessionOfUser(db(), row.id, row.user_id)) }, row)
    assert.equal(await sessions.findSessionOfUser(db(), row.id, newId(1)), undefined)
    assert.equal(await sessions.findSessionOfUser(db(), newId(1), row.user_id), undefined)
  })

  it("lists a user's sessions newest first, a page at a time", async () => {
    const user_id = newId(1)
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.unshift((await insert({ user_id, id: newId(1_700_000_000_000 + n) })).id)
    await insert()
    const page = async (limit: number, before?: string) =>
      (await sessions.listSessionRows(db(), user_id, limit, before)).map(({ id }) => id)
    assert.deepEqual(await page(10), ids)
    assert.deepEqual(await page(2), ids.slice(0, 2))
    assert.deepEqual(await page(2, ids[1]), ids.slice(2, 4))
    assert.deepEqual(await page(2, ids[3]), ids.slice(4))
    assert.deepEqual(await page(2, ids[4]), [])
  })

  it('blanks what tells about a person, on all sessions of one user', async () => {
    const user_id = newId(1)
    const device = { last_ip: '192.0.2.1', user_agent: 'curl', device_name: 'laptop' }
    const [one, ended] = [await insert({ user_id, ...device }), await insert({ user_id, ...device, ended_at: 1 })]
    const other = await insert(device)
    await sessions.blankSessionRowsOfUser(db(), user_id)
    for (const row of [one, ended]) {
      assert.deepEqual(await read(row.id), { ...row, last_ip: null, user_agent: null, device_name: null })
    }
    assert.deepEqual(await read(other.id), other)
  })
})
