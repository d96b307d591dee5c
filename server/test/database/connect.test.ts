import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { codesOf } from '../../src/database/dialect.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { onEachDatabase } from '../support/databases.ts'

onEachDatabase((name, url) => {
  it('gives a sign of life', async () => {
    const database = await openDatabase({ url: url() })
    await database.ping()
    await database.ping(1000)
    await database.close()
  })

  if (name === 'SQLite') return

  it('does not wait for ever for a place in the pool', async () => {
    const database = await openDatabase({ url: url(), poolSize: 1, timeout: 200, statementTimeout: 5000 })
    await inTransaction(database, async () => {
      const start = performance.now()
      const error = await failure(sql`select 1`.execute(database.db))
      assert.ok(database.dialect.isUnavailable(error), String(error))
      assert.ok(!database.dialect.isRetryable(error) && !database.dialect.isConnectionLost(error))
      // Not by the limit of a statement.
      assert.ok(performance.now() - start < 4500)
    })
    // A place that comes free too late is not lost.
    for (let n = 0; n < 3; n++) await database.ping()
    await database.close()
  })

  it('ends a statement that takes too long', async () => {
    const database = await openDatabase({ url: url(), poolSize: 1, timeout: 2000, statementTimeout: 200 })
    // Not sleep(): MySQL takes its end for an answer.
    const many = sql`select count(*) from information_schema.collations a, information_schema.collations b,
      information_schema.collations c, information_schema.collations d where concat(a.id, b.id, c.id, d.id) = 'x'`
    const slow = name === 'MariaDB' ? many : sql`select pg_sleep(5)`
    const error = await failure(slow.execute(database.db))
    assert.ok(database.dialect.isUnavailable(error), String(error))
    // By the server, which frees what it holds: our own limit would leave it at work.
    if (name === 'MariaDB') assert.equal(codesOf(error).errno, 1969)
    else assert.equal(codesOf(error).code, '57014')
    await database.ping()
    await database.close()
  })

  it('replaces a connection that was idle and broke', async () => {
    const database = await openDatabase({ url: url(), poolSize: 1 })
    const other = await openDatabase({ url: url(), poolSize: 1 })
    const own = name === 'MariaDB' ? 'select connection_id() as id' : 'select pg_backend_pid() as id'
    const { id } = (await sql.raw<{ id: number }>(own).execute(database.db)).rows[0]!
    await sql.raw(name === 'MariaDB' ? `kill ${id}` : `select pg_terminate_backend(${id})`).execute(other.db)
    while (database.pool().idle > 0) await delay(5)
    await database.ping()
    await database.close()
    await other.close()
  })

  it('does not use a connection to a server that takes no writes again', { skip: name !== 'MariaDB' }, async () => {
    const database = await openDatabase({ url: url(), poolSize: 1 })
    const connectionId = async () =>
      (await sql<{ id: number }>`select connection_id() as id`.execute(database.db)).rows[0]!.id
    const id = await connectionId()
    assert.equal(await connectionId(), id)
    const refusal = sql.raw(`signal sqlstate 'HY000' set mysql_errno = 1290, message_text = 'read-only'`)
    const error = await failure(refusal.execute(database.db))
    assert.ok(database.dialect.isRetryable(error) && database.dialect.isUnavailable(error))
    assert.notEqual(await connectionId(), id)
    await database.close()
  })

  it('works in a session of known settings', { skip: name !== 'MariaDB' }, async () => {
    const database = await openDatabase({ url: url(), timeout: 3000, statementTimeout: 4000 })
    const { rows } = await sql<Record<string, unknown>>`
      select @@sql_mode as mode, @@innodb_lock_wait_timeout as lockWait, @@collation_connection as collation,
        /*M! @@tx_isolation */ /*!80017 @@transaction_isolation */ as isolation,
        /*M! @@max_statement_time */ /*!80017 @@max_execution_time / 1000 */ as statementTime`.execute(database.db)
    assert.equal(rows[0]!.isolation, 'READ-COMMITTED')
    assert.match(String(rows[0]!.mode), /STRICT_TRANS_TABLES/)
    assert.equal(rows[0]!.lockWait, 3)
    assert.equal(Number(rows[0]!.statementTime), 4)
    assert.equal(rows[0]!.collation, 'utf8mb4_bin')
    await database.close()
  })

  it('says that it is refused', async () => {
    const wrong = new URL(url())
    wrong.searchParams.delete('schema')
    wrong.pathname = '/nowhere'
    const database = await openDatabase({ url: wrong.href, timeout: 1000 })
    assert.ok(database.dialect.isUnavailable(await failure(database.ping())))
    await database.close()
  })
})

describe('a server that cannot be reached', () => {
  for (const scheme of ['mysql', 'postgres']) {
    it(`is given up by ${scheme} in time when it is silent`, async () => {
      const sockets = new Set<{ destroy(): void }>()
      const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      const database = await openDatabase({ url: `${scheme}://u:p@127.0.0.1:${port}/d`, timeout: 400 })
      const error = await failure(database.ping(100))
      assert.match(String(error), /did not answer within 100 ms/)
      assert.ok(database.dialect.isUnavailable(error))
      // The connection gives up by itself, before whoever asks would.
      const later = await failure(database.ping(5000))
      assert.ok(database.dialect.isUnavailable(later))
      assert.doesNotMatch(String(later), /did not answer within/)
      for (const socket of sockets) socket.destroy()
      silent.close()
      await database.close()
    })

    it(`is told by ${scheme} when nobody listens`, async () => {
      const database = await openDatabase({ url: `${scheme}://u:p@127.0.0.1:1/d`, timeout: 400 })
      const error = await failure(database.ping())
      assert.ok(database.dialect.isConnectionLost(error) && database.dialect.isUnavailable(error))
      await database.close()
    })

    it(`is spoken to by ${scheme} through a socket, and encrypted, when the URL says so`, async () => {
      const url = `${scheme}://u:p@localhost/d?socket=/nowhere/socket&tls=verify`
      const database = await openDatabase({ url, timeout: 400 })
      assert.ok(database.dialect.isUnavailable(await failure(database.ping())))
      await database.close()
    })
  }
})

describe('a SQLite file', () => {
  it('is created with its directory, for its owner only, and made to last', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-test-'))
    const path = join(directory, 'deep', 'er', 'test.sqlite')
    const database = await openDatabase({ url: `sqlite:${path}` })
    await sql`create table t (x integer)`.execute(database.db)
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600)
    const pragmas = ['journal_mode', 'synchronous', 'foreign_keys']
    const values = await Promise.all(pragmas.map((name) => sql.raw<object>(`pragma ${name}`).execute(database.db)))
    assert.deepEqual(
      values.map(({ rows }) => Object.values(rows[0]!)[0]),
      ['wal', 2, 1],
    )
    await database.close()
    assert.ok(!existsSync(`${path}-wal`))
    rmSync(directory, { recursive: true })
  })

  it('goes on after very many different statements', async () => {
    const database = await openDatabase({ url: 'sqlite::memory:' })
    for (let n = 0; n < 600; n++) {
      const { rows } = await sql.raw(`select ${n} as n`).execute(database.db)
      assert.deepEqual(rows, [{ n }])
    }
    assert.deepEqual((await sql.raw('select 0 as n').execute(database.db)).rows, [{ n: 0 }])
    await database.close()
  })

  it('can be memory', async () => {
    const database = await openDatabase({ url: 'sqlite::memory:' })
    await sql`create table t (x integer)`.execute(database.db)
    const reading = database.db.transaction().setAccessMode('read only')
    await reading.execute((tx) => sql`select * from t`.execute(tx))
    await sql`alter table t add column y integer`.execute(database.db)
    await sql`insert into t values (1, 2)`.execute(database.db)
    assert.deepEqual((await sql`select * from t`.execute(database.db)).rows, [{ x: 1, y: 2 }])
    await database.close()
  })
})

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new assert.AssertionError({ message: 'It should have failed.' })
}
