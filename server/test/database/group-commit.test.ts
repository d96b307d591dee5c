import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { type Database, openDatabase, type Tx } from '../../src/database/connect.ts'
import { groupCommit } from '../../src/database/group-commit.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { onEachDatabase } from '../support/databases.ts'
import { sessionRow, userRow } from '../support/rows.ts'

onEachDatabase((name, url) => {
  let database: Database

  before(async () => {
    database = await openDatabase({ url: url() })
  })
  after(() => database.close())

  const exists = async (id: string) =>
    (await database.db.selectFrom('users').select('id').where('id', '=', id).execute()).length === 1

  it('answers each piece of work with its own result, once it is committed', async () => {
    const commit = groupCommit(database)
    const observer = await openDatabase({ url: url() })
    const rows = Array.from({ length: 40 }, () => userRow())
    const answers = await Promise.all(
      rows.map(async (row, index) => {
        const answer = await commit(async (tx) => {
          await insert(tx, row)
          return index
        })
        const seen = await observer.db.selectFrom('users').select('id').where('id', '=', row.id).execute()
        assert.equal(seen.length, 1)
        return answer
      }),
    )
    assert.deepEqual(
      answers,
      rows.map((_row, index) => index),
    )
    await observer.close()
  })

  it('undoes a piece that fails, and only that', async () => {
    const commit = groupCommit(database)
    const rows = Array.from({ length: 9 }, () => userRow())
    const mistakes = rows.map((_row, index) => new Error(`mistake ${index}`))
    const outcomes = await Promise.allSettled(
      rows.map((row, index) =>
        commit(async (tx) => {
          await insert(tx, row)
          if (index % 3 === 1) throw mistakes[index]
          if (index % 3 === 2) await insert(tx, row)
        }),
      ),
    )
    for (const [index, outcome] of outcomes.entries()) {
      assert.equal(await exists(rows[index]!.id), index % 3 === 0)
      if (outcome.status === 'fulfilled') assert.equal(index % 3, 0)
      else if (index % 3 === 1) assert.equal(outcome.reason, mistakes[index])
      else assert.ok(database.dialect.isDuplicate(outcome.reason))
    }
  })

  it('undoes a single statement that fails, and only that', async () => {
    const commit = groupCommit(database)
    const [taken, rows] = [userRow(), Array.from({ length: 9 }, () => userRow())]
    await insert(database.db as Tx, taken)
    const outcomes = await Promise.allSettled(
      rows.map((row, index) => commit((tx) => insert(tx, index % 3 === 2 ? taken : row), { oneStatement: true })),
    )
    for (const [index, outcome] of outcomes.entries()) {
      assert.equal(await exists(rows[index]!.id), index % 3 !== 2)
      if (outcome.status === 'rejected') assert.ok(database.dialect.isDuplicate(outcome.reason))
      else assert.notEqual(index % 3, 2)
    }
  })

  it('undoes a piece that fails alone', async () => {
    const row = userRow()
    const failing = groupCommit(database)(async (tx) => {
      await insert(tx, row)
      throw new Error('mistake')
    })
    await assert.rejects(failing, /mistake/)
    assert.equal(await exists(row.id), false)
  })

  it('lets one of many guarded updates win', async () => {
    const commit = groupCommit(database)
    const session = sessionRow()
    await database.db.insertInto('sessions').values(session).execute()
    const wins = await Promise.all(
      Array.from({ length: 20 }, () =>
        commit(
          async (tx) => {
            const { numUpdatedRows } = await tx
              .updateTable('sessions')
              .set({ generation: 1 })
              .where('id', '=', session.id)
              .where('generation', '=', 0)
              .executeTakeFirstOrThrow()
            return Number(numUpdatedRows)
          },
          { oneStatement: true },
        ),
      ),
    )
    assert.equal(
      wins.reduce((sum, won) => sum + won),
      1,
    )
  })

  it('refuses to be called inside a transaction', async () => {
    const commit = groupCommit(database)
    const noWork = async () => undefined
    await assert.rejects(
      inTransaction(database, () => commit(noWork)),
      /must not be started inside/,
    )
    await assert.rejects(
      inTransaction(database, () => commit(noWork, { oneStatement: true })),
      /must not be started inside/,
    )
    await assert.rejects(
      commit(() => commit(noWork)),
      /must not be started inside/,
    )
    await assert.rejects(
      Promise.all([commit(noWork), commit(() => inTransaction(database, noWork))]),
      /must not be started inside/,
    )
  })

  it('runs each piece in the context of its caller', async () => {
    const commit = groupCommit(database)
    const request = new AsyncLocalStorage<number>()
    const seen = await Promise.all(
      [1, 2, 3].map((id) => request.run(id, () => commit(() => delay(1).then(() => request.getStore())))),
    )
    assert.deepEqual(seen, [1, 2, 3])
  })

  if (name !== 'SQLite') return

  it('shares commits', async () => {
    let transactions = 0
    const commit = groupCommit(counting(database, () => transactions++))
    const update = (tx: Tx) => tx.updateTable('sessions').set({ last_ip: 'x' }).where('id', '=', 'none').execute()
    await Promise.all(Array.from({ length: 64 }, () => commit(update)))
    assert.equal(transactions, 1)
    transactions = 0
    await Promise.all(Array.from({ length: 600 }, () => commit(update)))
    assert.equal(transactions, 3)
  })

  it('fails every piece when the commit fails', async () => {
    const commit = groupCommit({
      ...database,
      db: {
        startTransaction: () => ({
          execute: async () => ({
            executeQuery: async () => ({ rows: [] }),
            commit: () => ({ execute: failing('disk full', 'SQLITE_FULL') }),
            rollback: () => ({ execute: failing('no transaction is active', 'SQLITE_ERROR') }),
          }),
        }),
      } as never,
    })
    const outcomes = await Promise.allSettled([commit(async () => 1), commit(async () => 2)])
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message),
      ['disk full', 'disk full'],
    )
  })

  it('says that the disk was full, not that the savepoint went with the transaction', async () => {
    const commit = groupCommit(database)
    const full = Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' })
    const outcomes = await Promise.allSettled([
      commit(async () => 1),
      commit(async (tx) => {
        await sql`rollback`.execute(tx)
        throw full
      }),
    ])
    for (const outcome of outcomes) assert.equal(outcome.status === 'rejected' && outcome.reason, full)
  })
})

function failing(message: string, code: string) {
  return async () => {
    throw Object.assign(new Error(message), { code })
  }
}

function counting(database: Database, count: () => void): Database {
  const db = Object.create(database.db, {
    startTransaction: {
      value: () => {
        count()
        return database.db.startTransaction()
      },
    },
  })
  return { ...database, db }
}

async function insert(tx: Tx, row: ReturnType<typeof userRow>): Promise<void> {
  await tx.insertInto('users').values(row).execute()
}
