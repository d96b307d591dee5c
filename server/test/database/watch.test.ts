import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { operationOf } from '../../src/database/watch.ts'
import { onEachDatabase } from '../support/databases.ts'

describe('the watch on the database', () => {
  it('knows a statement by its first word, and makes no names of its own', () => {
    const raw = (text: string) => operationOf({ query: { kind: 'RawNode' }, sql: text })
    assert.equal(raw('  SELECT 1'), 'select')
    assert.equal(raw('begin immediate'), 'begin')
    assert.equal(raw('start transaction'), 'begin')
    assert.equal(raw('rollback to work'), 'rollback')
    for (const text of ['pragma quick_check', 'constructor', '', '(select 1)']) assert.equal(raw(text), 'other', text)
    assert.equal(operationOf({ query: { kind: 'UpdateQueryNode' }, sql: 'with x as (…) update' }), 'update')
  })
})

onEachDatabase((_name, url) => {
  describe('the watch on the database', () => {
    it('hears of each statement once, of failures, and of how long somebody waited for a connection', async () => {
      const ran: string[] = []
      const waits: number[] = []
      const database = await openDatabase({
        url: url(),
        poolSize: 1,
        onWork: {
          ran: (operation, _milliseconds, failed) => ran.push(failed ? `${operation} failed` : operation),
          waited: (milliseconds) => waits.push(milliseconds),
        },
      })
      await database.ping()
      await database.ping()
      await assert.rejects(sql.raw('select nothing from nowhere').execute(database.db))
      assert.deepEqual(ran.splice(0), ['select', 'select', 'select failed'])
      assert.equal(waits.splice(0).length, 3)
      // Comes while the transaction holds the only connection, and from outside of it.
      const taken = Promise.withResolvers<void>()
      const late = taken.promise.then(() => database.ping())
      await inTransaction(database, async (tx) => {
        await sql.raw('select 1').execute(tx)
        taken.resolve()
        await delay(100)
      })
      await late
      assert.deepEqual(ran, ['begin', 'select', 'commit', 'select'])
      assert.equal(waits.length, 2)
      assert.ok(waits[1]! > 10, `${waits[1]}`)
      await database.close()
    })
  })
})
