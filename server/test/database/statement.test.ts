import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { type Parameter, statement } from '../../src/database/statement.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { onEachDatabase } from '../support/databases.ts'
import { sessionRow } from '../support/rows.ts'

let built = 0
const find = statement((db, p: Parameter<{ id: string }>) => {
  built++
  return db.selectFrom('sessions').select(['id', 'generation', 'redeemers']).where('id', '=', p('id'))
})
const rotate = statement((db, p: Parameter<{ id: string; from: number; redeemers: Buffer; ip: string | null }>) =>
  db
    .updateTable('sessions')
    .set((row) => ({
      generation: row('generation', '+', 1),
      redeemers: p('redeemers'),
      last_ip: p('ip'),
      device_name: 'fixed',
    }))
    .where('id', '=', p('id'))
    .where('generation', '=', p('from')),
)

onEachDatabase((_name, url) => {
  let database: Database

  before(async () => {
    database = await openDatabase({ url: url() })
  })
  after(() => database.close())

  it('runs with the parameters given, alone and in a transaction', async () => {
    const sessions = [sessionRow(), sessionRow()]
    await database.db.insertInto('sessions').values(sessions).execute()
    built = 0
    for (const { id } of sessions) {
      const { rows } = await find(database.db, { id })
      assert.deepEqual(
        rows.map((row) => [row.id, row.generation]),
        [[id, 0]],
      )
      await inTransaction(database, async (tx) => assert.equal((await find(tx, { id })).rows[0]!.id, id))
    }
    assert.equal(built, 1)
  })

  it('says how many rows it changed', async () => {
    const session = sessionRow()
    await database.db.insertInto('sessions').values(session).execute()
    const redeemers = Buffer.alloc(64, 5)
    const parameters = { id: session.id, from: 0, redeemers, ip: null }
    assert.equal((await rotate(database.db, parameters)).numAffectedRows, 1)
    assert.equal((await rotate(database.db, parameters)).numAffectedRows, 0)
    const { rows } = await find(database.db, { id: session.id })
    assert.equal(rows[0]!.generation, 1)
    assert.ok(rows[0]!.redeemers.equals(redeemers))
  })

  it('is built again for another database', async () => {
    built = 0
    const other = await openDatabase({ url: url() })
    await find(other.db, { id: 'x' })
    await find(other.db, { id: 'y' })
    assert.equal(built, 1)
    await other.close()
  })
})
