import assert from 'node:assert/strict'
import { beforeEach, it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { largestBatch, placeNext, unplaced } from '../../src/domain/revocations/place.ts'
import {
  advanceFeedHead,
  insertFeedHead,
  insertRevocations,
  listRevocationsAfter,
  placeRevocations,
  type RevocationRow,
  readFeedHead,
} from '../../src/domain/revocations/store.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from './fresh-stores.ts'

const row = (changes: Partial<RevocationRow> = {}): RevocationRow => ({
  id: newId(1),
  kind: 'session',
  subject: newId(1),
  before_at: 100,
  until_at: 200,
  reason: 'refresh_token_reuse',
  revoked_at: 100,
  position: unplaced,
  ...changes,
})

describeStore('the revocations store', (database, name) => {
  const db = () => database().db
  const listed = async (position: number, now: number, limit = 5000) =>
    (await listRevocationsAfter(db(), { position, now, limit })).rows.map((each) => ({ ...each }))
  const place = (now: number) => inTransaction(database(), (tx) => placeNext(tx, now))
  beforeEach(async () => {
    await db().deleteFrom('revocations').execute()
    await db().deleteFrom('revocation_feed').execute()
  })

  it('lists what stands behind a place and has not lapsed, in order, both to the digit', async () => {
    const rows = [
      row({ position: 7, until_at: 200 }),
      row({ position: 8, kind: 'key', subject: 'A'.repeat(64), until_at: 201 }),
      row({ position: 5 }),
      row(),
    ]
    await insertRevocations(db(), rows)
    const [seven, eight, five, none] = rows
    assert.deepEqual(await listed(0, 199), [five, seven, eight, none])
    assert.deepEqual(await listed(5, 199), [seven, eight, none])
    assert.deepEqual(await listed(7, 200), [eight])
    assert.deepEqual(await listed(0, 201), [])
    assert.deepEqual(await listed(0, 199, 2), [five, seven])
  })

  it('takes a thousand rows at once, and none', async () => {
    await insertRevocations(
      db(),
      Array.from({ length: 1001 }, () => row()),
    )
    await insertRevocations(db(), [])
    assert.equal((await listed(0, 0)).length, 1001)
  })

  it('gives a place once, and none to what has one', async () => {
    const rows = [row(), row(), row()]
    await insertRevocations(db(), rows)
    const ids = rows.map(({ id }) => id)
    await placeRevocations(db(), ids.slice(0, 2), unplaced, 10)
    await placeRevocations(db(), ids, unplaced, 20)
    const places = new Map((await listed(0, 0)).map(({ id, position }) => [id, position]))
    assert.deepEqual(
      ids.map((id) => places.get(id)),
      [10, 10, 20],
    )
  })

  it('advances the head of the feed from where it is, and from nowhere else', async () => {
    assert.equal(await readFeedHead(db()), 0)
    assert.equal(await advanceFeedHead(db(), 0, 5), false)
    await insertFeedHead(db(), 5)
    await assert.rejects(insertFeedHead(db(), 6), (error) => database().dialect.isDuplicate(error))
    assert.equal(await advanceFeedHead(db(), 4, 6), false)
    assert.equal(await advanceFeedHead(db(), 5, 6), true)
    assert.equal(await readFeedHead(db()), 6)
  })

  it('gives places by the clock, onwards where the clock stands or goes back, and a batch at a time', async () => {
    assert.equal(await place(1000), 0)
    const placeOne = async (now: number) => {
      const one = row()
      await insertRevocations(db(), [one])
      assert.equal(await place(now), 1)
      return (await listed(0, 0)).find(({ id }) => id === one.id)!.position
    }
    assert.equal(await placeOne(1000), 1000)
    assert.equal(await placeOne(1000), 1001)
    assert.equal(await placeOne(10), 1002)
    assert.equal(await placeOne(5000), 5000)
    await insertRevocations(
      db(),
      Array.from({ length: largestBatch + 1 }, () => row()),
    )
    assert.equal(await place(1), largestBatch)
    assert.equal(await place(1), 1)
    assert.equal(await place(1), 0)
    assert.equal(await readFeedHead(db()), 5002)
  })

  // One connection serves the embedded database: there is nobody who could come in between.
  if (name === 'SQLite') return

  it('lets nobody give a place while another place is on its way', async () => {
    await insertRevocations(db(), [row()])
    await place(100)
    const late = row()
    await insertRevocations(db(), [late])
    const [held, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const first = inTransaction(database(), async (tx) => {
      assert.equal(await placeNext(tx, 200), 1)
      held.resolve()
      await go.promise
    })
    await held.promise
    await insertRevocations(db(), [row()])
    // It waits for the first, and finds that the head is no longer where it saw it.
    const second = place(300)
    const isOver = await Promise.race([
      second.then(() => true),
      new Promise((resolve) => setTimeout(resolve, 300, false)),
    ])
    assert.equal(isOver, false)
    assert.deepEqual(
      (await listed(100, 0)).map(({ position }) => position),
      [unplaced, unplaced],
      'nobody sees a place that was not committed',
    )
    go.resolve()
    await first
    assert.equal(await second, 0)
    assert.equal(await place(300), 1)
    assert.deepEqual(
      (await listed(100, 0)).map(({ position }) => position),
      [200, 300],
    )
  })
})
