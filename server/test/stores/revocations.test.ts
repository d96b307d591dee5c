import assert from 'node:assert/strict'
import { it } from 'node:test'
import { insertRevocations, listRevocations, type RevocationRow } from '../../src/domain/revocations/store.ts'
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
  ...changes,
})

describeStore('the revocations store', (database) => {
  const db = () => database().db
  const listed = async (since: number, now: number) =>
    (await listRevocations(db(), since, now)).map((each) => ({ ...each })).sort((a, b) => (a.id < b.id ? -1 : 1))

  it('lists what was revoked since a time and has not lapsed, both to the millisecond', async () => {
    const rows = [row(), row({ kind: 'key', subject: 'A'.repeat(64), revoked_at: 101, until_at: 201 })]
    await insertRevocations(db(), rows)
    const [first, second] = rows
    const sorted = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    assert.deepEqual(await listed(0, 0), sorted)
    assert.deepEqual(await listed(100, 199), sorted)
    assert.deepEqual(await listed(101, 199), [second])
    assert.deepEqual(await listed(100, 200), [second])
    assert.deepEqual(await listed(102, 0), [])
    assert.deepEqual(await listed(0, 201), [])
    assert.notEqual(first!.id, second!.id)
  })

  it('takes a thousand rows at once, and none', async () => {
    await insertRevocations(
      db(),
      Array.from({ length: 1001 }, () => row({ revoked_at: 5000, until_at: 6000 })),
    )
    await insertRevocations(db(), [])
    assert.equal((await listed(5000, 5000)).length, 1001)
  })
})
