import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { signCheckpoint } from '../../src/domain/audit/checkpoint.ts'
import { checkpointKeys } from '../../src/domain/audit/checkpoint-keys.ts'
import { erasePerson } from '../../src/domain/audit/persons.ts'
import { firstKept } from '../../src/domain/audit/retain.ts'
import { searchLines } from '../../src/domain/audit/search.ts'
import { insertCheckpoint } from '../../src/domain/audit/store.ts'
import { actingAs } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from '../stores/fresh-stores.ts'
import { auditedApp, day, masterKeyOf, somebodysAct } from '../support/audited.ts'

describeStore('the people in the audit log', (database) => {
  it('stay erased, also one of whom nothing had been written before', async () => {
    const app = auditedApp(database())
    for (const isKnown of [true, false]) {
      const user = newId(1)
      const write = () =>
        inAuditedTransaction(app, actingAs(somebodysAct, user), async (_tx, record) =>
          record({ event: 'login', subject: { kind: 'user', id: user } }),
        )
      if (isKnown) await write()
      await inTransaction(database(), (tx) => erasePerson(tx, user, 77))
      await write()
      const found = await searchLines(database().db, { user }, 'newest', 10)
      assert.equal(found[0]!.row.user_sealed, null)
      assert.equal(found[0]!.line.ip, null)
    }
  })

  it('no checkpoint goes while more chains are to go than one names', async () => {
    const { db } = database()
    const keys = checkpointKeys([masterKeyOf('first')])
    const content = { heads: [], removed: [], erased: [], first: 1, kept_since: 0 }
    const old = signCheckpoint(keys, undefined, { ...content, at: day })
    const last = signCheckpoint(keys, old, { ...content, at: 100 * day })
    for (const row of [old, last]) await insertCheckpoint(db, row)
    const chains = (count: number) => Array.from({ length: count }, () => [newId(1), 1, ''] as [string, number, string])
    assert.deepEqual(await firstKept(db, 50 * day, chains(199), last, new Map(keys.known)), { first: 2 })
    assert.deepEqual(await firstKept(db, 50 * day, chains(200), last, new Map(keys.known)), { first: 1 })
  })

  it('no checkpoint goes that may have been the last to speak of a chain that is kept', async () => {
    const { db } = database()
    const keys = checkpointKeys([masterKeyOf('first')])
    await db.deleteFrom('audit_checkpoints').execute()
    const content = { heads: [], removed: [], erased: [], first: 1, kept_since: 0 }
    let last = signCheckpoint(keys, undefined, { ...content, at: 48 * day - 1 })
    await insertCheckpoint(db, last)
    for (const at of [48 * day, 49.9 * day]) {
      last = signCheckpoint(keys, last, { ...content, at })
      await insertCheckpoint(db, last)
    }
    assert.deepEqual(await firstKept(db, 50 * day, [], last, new Map(keys.known)), { first: 2 })
  })
})
