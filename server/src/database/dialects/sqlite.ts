import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type Kysely,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  SqliteQueryCompiler,
  sql,
  type TransactionSettings,
} from 'kysely'
import { makeDirectory } from '../../make-directory.ts'
import { insideTransaction } from '../current-transaction.ts'
import { type ConnectionLimits, codesOf, type Dialect, type PoolState } from '../dialect.ts'
import { fine, problem, warning } from '../finding.ts'

export const sqlite: Dialect = {
  name: 'sqlite',
  groupsCommits: true,

  async open(address, limits) {
    if (address.kind !== 'sqlite') throw new Error('not a SQLite address')
    const { default: BetterSqlite } = await import('better-sqlite3')
    if (address.path !== ':memory:') createFile(address.path)
    const database = new BetterSqlite(address.path, { timeout: Math.min(limits.timeout, 1000) })
    database.pragma('journal_mode = WAL')
    // NORMAL would lose the last commits with the power: a rotated refresh token must survive.
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    // What is deleted is overwritten: an erased name must not lie in free pages for years. FAST leaves nearly all of it.
    database.pragma('secure_delete = ON')
    // From here on nothing is waited for: that would stop the whole process. `transaction.ts` asks again instead.
    database.pragma('busy_timeout = 0')
    return new EmbeddedDialect({ database: cachingStatements(database) }, limits)
  },

  columns: {
    id: 'text',
    key: () => 'text',
    text: () => 'text',
    longText: 'text',
    integer: 'integer',
    bigint: 'integer',
    bytes: () => 'blob',
  },
  tableSuffix: '',
  dropIndex: (_table, index) => `drop index ${index}`,
  hasTable: (db, table) => isListed(db, 'table', table, table),
  hasIndex: (db, table, index) => isListed(db, 'index', table, index),
  async hasColumn(db, table, column) {
    const { rows } = await sql`select 1 from pragma_table_info(${table}) where name = ${column}`.execute(db)
    return rows.length > 0
  },

  async examine(db) {
    const one = async (pragma: string) =>
      Object.values((await sql.raw<Record<string, unknown>>(`pragma ${pragma}`).execute(db)).rows[0] ?? {})[0]
    const version = await sql<{ version: string }>`select sqlite_version() as version`.execute(db)
    const findings = [fine(`SQLite ${version.rows[0]!.version}.`)]
    const [mode, durable, checked] = [await one('journal_mode'), await one('synchronous'), await one('quick_check(1)')]
    if (mode !== 'wal') {
      findings.push(warning(`The journal mode is ${mode}: readers wait for writers.`, 'Move it to a local disk.'))
    }
    if (durable !== 2) findings.push(warning('Commits are not durable.', 'Leave "synchronous" at FULL.'))
    if (checked === 'ok') findings.push(fine('The database file is sound.'))
    else findings.push(problem(`The database file is damaged: ${checked}`, 'Restore a backup.'))
    return findings
  },
  now: async () => null,
  // The log is written over from its start, and what lies behind stays until then. While others read, it stays as it is.
  async forget(db) {
    await sql`pragma wal_checkpoint(truncate)`.execute(db)
  },

  isDuplicate: (error) => /^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)$/.test(codesOf(error).code),
  isRetryable: (error) => sqlite.isBusy(error),
  isBusy: (error) => /^SQLITE_(BUSY|LOCKED)/.test(codesOf(error).code),
  isConnectionLost: () => false,
  isUnavailable: (error) => sqlite.isBusy(error) || sqlite.refusesWrites(error),
  refusesWrites: (error) => /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY)/.test(codesOf(error).code),
}

function createFile(path: string): void {
  makeDirectory(dirname(path))
  // SQLite gives its side files the mode of the main one.
  closeSync(openSync(path, 'a', 0o600))
}

async function isListed<T>(db: Kysely<T>, type: string, table: string, name: string): Promise<boolean> {
  const found = sql`select 1 from sqlite_master where type = ${type} and tbl_name = ${table} and name = ${name}`
  return (await found.execute(db)).rows.length > 0
}

type Raw = Extract<SqliteDialectConfig['database'], { close(): void }>

const mostPrepared = 500

/** Preparing costs more than running most statements. */
function cachingStatements(database: Raw): Raw {
  const prepared = new Map<string, ReturnType<Raw['prepare']>>()
  return {
    close: () => database.close(),
    prepare(text) {
      const known = prepared.get(text)
      if (known) return known
      const statement = database.prepare(text)
      if (prepared.size >= mostPrepared) prepared.clear()
      prepared.set(text, statement)
      return statement
    },
  }
}

class EmbeddedDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig
  readonly #limits: ConnectionLimits

  constructor(config: SqliteDialectConfig, limits: ConnectionLimits) {
    super(config)
    this.#config = config
    this.#limits = limits
  }

  override createDriver(): Driver {
    const driver = new EmbeddedDriver(this.#config)
    this.#limits.watch?.(() => driver.state())
    return driver
  }

  override createAdapter(): SqliteAdapter {
    return new EmbeddedAdapter()
  }

  override createQueryCompiler(): SqliteQueryCompiler {
    return new EmbeddedQueryCompiler()
  }
}

/**
 * The sign changes no value, text or bytes included. Without it SQLite, built with STAT4, prepares most joins anew
 * whenever a parameter changes, in case the value asks for another plan: four times the cost of running them.
 */
class EmbeddedQueryCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?'
  }
}

class EmbeddedAdapter extends SqliteAdapter {
  /** The driver below takes turns by itself. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

/** One connection, taken in turns; whoever would wait for himself is told so instead of waiting for ever. */
class EmbeddedDriver extends SqliteDriver {
  readonly #waiting: (() => void)[] = []
  #taken = false

  state(): PoolState {
    return { idle: this.#taken ? 0 : 1, used: this.#taken ? 1 : 0, pending: this.#waiting.length, max: 1 }
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#taken) {
      if (insideTransaction()) {
        throw new Error('Inside a transaction every statement must go through the transaction.')
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#taken = true
    return super.acquireConnection()
  }

  override async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken = false
  }

  override async beginTransaction(connection: DatabaseConnection, settings?: TransactionSettings): Promise<void> {
    // A transaction that reads first and writes later could not wait for another process: SQLite refuses the upgrade.
    const begin = settings?.accessMode === 'read only' ? 'begin' : 'begin immediate'
    await connection.executeQuery(CompiledQuery.raw(begin))
  }
}
