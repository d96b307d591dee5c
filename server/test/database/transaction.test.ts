import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { inTransaction, repeating } from '../../src/database/transaction.ts'
import { onEachDatabase } from '../support/databases.ts'
import { userRow } from '../support/rows.ts'

onEachDatabase((name, url) => {
  let database: Database
  const retried: { error: unknown; attempt: number }[] = []

  before(async () => {
    database = await openDatabase({ url: url(), onRetry: (error, attempt) => retried.push({ error, attempt }) })
  })
  after(() => database.close())

  const countUsers = async () => (await database.db.selectFrom('users').select('id').execute()).length

  it('commits what the work did and returns what it returned', async () => {
    const before = await countUsers()
    assert.equal(await inTransaction(database, (tx) => insert(tx, userRow())), 'inserted')
    assert.equal(await countUsers(), before + 1)
  })

  it('undoes everything when the work throws, and throws the same', async () => {
    const before = await countUsers()
    const mistake = new Error('mistake')
    const failing = inTransaction(database, async (tx) => {
      await insert(tx, userRow())
      throw mistake
    })
    await assert.rejects(failing, (error) => error === mistake)
    assert.equal(await countUsers(), before)
  })

  it('refuses nesting, and is not confused by what outlives a transaction', async () => {
    const nested = inTransaction(database, () => inTransaction(database, async () => 1))
    await assert.rejects(nested, /must not be started inside/)
    let later: Promise<number> | undefined
    const over = Promise.withResolvers<void>()
    await inTransaction(database, async () => {
      later = over.promise.then(() => inTransaction(database, async () => 2))
    })
    over.resolve()
    assert.equal(await later, 2)
  })

  it('tells a duplicate from other errors', async () => {
    const row = userRow()
    await database.db.insertInto('users').values(row).execute()
    for (const twin of [row, userRow({ email: row.email }), userRow({ id: row.id })]) {
      const error = await failure(database.db.insertInto('users').values(twin).execute())
      assert.ok(database.dialect.isDuplicate(error))
      assert.ok(!database.dialect.isRetryable(error))
      assert.ok(!database.dialect.isUnavailable(error))
    }
    const other = await failure(
      database.db
        .insertInto('users')
        .values(userRow({ email: null as never }))
        .execute(),
    )
    assert.ok(!database.dialect.isDuplicate(other))
  })

  it('does not repeat an error of the work', async () => {
    const row = userRow()
    let runs = 0
    await assert.rejects(
      inTransaction(database, async (tx) => {
        runs++
        await insert(tx, row)
        await insert(tx, row)
      }),
      database.dialect.isDuplicate,
    )
    assert.equal(runs, 1)
  })

  if (name === 'SQLite') {
    it('does not hide an error behind that of the rollback', async () => {
      const failing = inTransaction(database, async (tx) => {
        await sql`rollback`.execute(tx)
        throw new Error('mistake')
      })
      await assert.rejects(failing, /^Error: mistake$/)
    })

    it('does not hide a failed commit behind the rollback that fails after it', async () => {
      const failing = inTransaction(database, (tx) => sql`commit`.execute(tx))
      await assert.rejects(failing, /cannot commit/)
    })

    it('waits for another process that is writing without stopping its own', async () => {
      const other = await openDatabase({ url: url() })
      const holder = await database.db.startTransaction().execute()
      // Runs only if the event loop does.
      const release = delay(50).then(() => holder.rollback().execute())
      await inTransaction({ ...other, retries: { ...other.retries, attempts: 1 } }, (tx) => insert(tx, userRow()))
      await release
      await other.close()
    })

    it('remembers that the database is full until a write succeeds', async () => {
      const pages = await sql<{ page_count: number }>`pragma page_count`.execute(database.db)
      const most = (count: number) => sql.raw(`pragma max_page_count = ${count}`).execute(database.db)
      const fill = () =>
        inTransaction(database, async (tx) => {
          for (let count = 0; count < 50; count++) await insert(tx, userRow({ metadata: 'x'.repeat(10_000) }))
        })
      await most(pages.rows[0]!.page_count)
      const error = await failure(fill())
      assert.match(String(error), /database or disk is full/)
      assert.ok(database.dialect.isUnavailable(error) && !database.dialect.isRetryable(error))
      assert.equal(database.writes.refusal?.error, error)
      await assert.rejects(
        inTransaction(database, async () => {
          throw new Error('mistake')
        }),
      )
      assert.equal(database.writes.refusal?.error, error)
      await most(1_000_000)
      await fill()
      assert.equal(database.writes.refusal, null)
    })

    it('tells when it gives up', async () => {
      const givenUp: unknown[] = []
      const other = await openDatabase({ url: url(), timeout: 20, onGiveUp: (error) => givenUp.push(error) })
      const holder = await database.db.startTransaction().execute()
      const hurried = { ...other, retries: { ...other.retries, attempts: 2, sleep: async () => undefined } }
      const error = await failure(inTransaction(hurried, (tx) => insert(tx, userRow())))
      assert.deepEqual(givenUp, [error])
      await assert.rejects(
        inTransaction(hurried, async () => {
          throw new Error('mistake')
        }),
      )
      assert.equal(givenUp.length, 2)
      await holder.rollback().execute()
      await assert.rejects(
        inTransaction(hurried, async () => {
          throw new Error('mistake')
        }),
      )
      assert.equal(givenUp.length, 2)
      await other.close()
    })

    it('repeats when another process is writing', async () => {
      const other = await openDatabase({ url: url(), timeout: 20 })
      const holder = await database.db.startTransaction().execute()
      const pauses: number[] = []
      const impatient: Database = {
        ...other,
        retries: {
          ...other.retries,
          random: () => 0.5,
          async sleep(milliseconds) {
            pauses.push(milliseconds)
            if (pauses.length === 3) await holder.rollback().execute()
          },
        },
      }
      await inTransaction(impatient, (tx) => insert(tx, userRow()))
      assert.deepEqual(pauses, [30, 55, 105])
      await other.close()
    })

    it('gives up in the end, and says that the database is busy', async () => {
      const other = await openDatabase({ url: url(), timeout: 20 })
      const holder = await database.db.startTransaction().execute()
      let pauses = 0
      const hopeless = { ...other, retries: { ...other.retries, sleep: async () => void pauses++ } }
      const error = await failure(inTransaction(hopeless, (tx) => insert(tx, userRow())))
      assert.ok(other.dialect.isRetryable(error) && other.dialect.isUnavailable(error))
      assert.equal(pauses, 4)
      await holder.rollback().execute()
      await other.close()
    })

    it('refuses a statement that would wait for its own transaction', async () => {
      const stuck = inTransaction(database, () => database.db.selectFrom('users').select('id').execute())
      await assert.rejects(stuck, /must go through the transaction/)
      // One from outside just waits.
      const waiting = inTransaction(database, async () => delay(20))
      assert.equal(typeof (await countUsers()), 'number')
      await waiting
    })
    return
  }

  it('repeats the loser of a deadlock', async () => {
    const rows = [userRow(), userRow()]
    await database.db.insertInto('users').values(rows).execute()
    retried.length = 0
    let arrived = 0
    const crossing = (first: string, second: string, name: string) =>
      inTransaction(database, async (tx) => {
        await tx.updateTable('users').set({ name }).where('id', '=', first).execute()
        arrived++
        while (arrived < 2) await delay(5)
        await tx.updateTable('users').set({ name }).where('id', '=', second).execute()
      })
    await Promise.all([crossing(rows[0]!.id, rows[1]!.id, 'a'), crossing(rows[1]!.id, rows[0]!.id, 'b')])
    assert.ok(retried.length >= 1)
    assert.equal(retried[0]!.attempt, 1)
    const names = await database.db
      .selectFrom('users')
      .select('name')
      .where('id', 'in', [rows[0]!.id, rows[1]!.id])
      .execute()
    assert.equal(names[0]!.name, names[1]!.name)
  })

  it('repeats when the connection breaks before the commit', async () => {
    let runs = 0
    const row = userRow()
    await inTransaction(database, async (tx) => {
      await insert(tx, row)
      if (++runs > 1) return
      const own =
        name === 'MariaDB'
          ? sql<{ id: number }>`select connection_id() as id`
          : sql<{ id: number }>`select pg_backend_pid() as id`
      const { id } = (await own.execute(tx)).rows[0]!
      const kill = name === 'MariaDB' ? sql.raw(`kill ${id}`) : sql`select pg_terminate_backend(${id})`
      await kill.execute(database.db)
      await delay(20)
      await insert(tx, userRow())
    })
    assert.equal(runs, 2)
    assert.equal((await database.db.selectFrom('users').select('id').where('id', '=', row.id).execute()).length, 1)
  })

  it('does not repeat when the connection breaks during the commit', async () => {
    const lost = Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    let runs = 0
    const committing = repeating(database, async (progress) => {
      runs++
      progress.committing = true
      throw lost
    })
    await assert.rejects(committing, (error) => error === lost)
    assert.equal(runs, 1)
  })
})

async function insert(tx: Database['db'], row: ReturnType<typeof userRow>): Promise<string> {
  await tx.insertInto('users').values(row).execute()
  return 'inserted'
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new assert.AssertionError({ message: 'It should have failed.' })
}
