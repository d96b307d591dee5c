import { Kysely, sql, type Transaction } from 'kysely'
import type { Dialect, PoolState } from './dialect.ts'
import { mysql } from './dialects/mysql.ts'
import { postgres } from './dialects/postgres.ts'
import { sqlite } from './dialects/sqlite.ts'
import type { Schema } from './schema.ts'
import { defaultRetries, type Retries } from './transaction.ts'
import { parseDatabaseUrl } from './url.ts'
import { type DatabaseWatch, watched } from './watch.ts'

export type Db = Kysely<Schema>
export type Tx = Transaction<Schema>

export type Database = {
  readonly db: Db
  readonly dialect: Dialect
  readonly retries: Retries
  /** Milliseconds to wait for another process that writes, in each attempt, where the database leaves that to us. */
  readonly turnWait: number
  /** Why the last write failed, if it was because the database takes none: full, read-only, broken. */
  readonly writes: { refusal: { error: unknown } | null }
  /** Is handed each transaction to run it: whoever watches sees what belongs together. */
  readonly around: Around
  /** Asks the database for a sign of life; rejects when none comes within `milliseconds`. */
  ping(milliseconds?: number): Promise<void>
  /** Its time of day in milliseconds since 1970; null where it has no clock of its own. */
  time(): Promise<number | null>
  /** How busy the connections are. */
  pool(): PoolState
  close(): Promise<void>
}

export type Around = <T>(transaction: () => Promise<T>) => Promise<T>

export type DatabaseOptions = {
  url: string
  poolSize?: number
  /** Milliseconds to wait for a connection, for a free place in the pool, for a lock or for a sign of life. */
  timeout?: number
  /** Milliseconds that a statement may take; `timeout` unless told. */
  statementTimeout?: number
  /** Hears of every transaction that is about to be repeated. */
  onRetry?: Retries['onRetry']
  /** Hears of every transaction that was undone once more than it is repeated. */
  onGiveUp?: Retries['onGiveUp']
  onWork?: DatabaseWatch
  around?: Around | undefined
}

const dialects = { sqlite, mysql, postgres }

/** Opens the database. A server is not spoken to before the first statement. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, poolSize = 10, timeout = 5000, statementTimeout = timeout } = options
  const address = parseDatabaseUrl(url)
  const dialect = dialects[address.kind]
  let pool = (): PoolState => ({ idle: 0, used: 0, pending: 0, max: poolSize })
  const watch = (read: () => PoolState) => {
    pool = read
  }
  const opened = await dialect.open(address, { poolSize, timeout, statementTimeout, watch })
  const db: Db = new Kysely<Schema>({ dialect: options.onWork ? watched(opened, options.onWork) : opened })
  return {
    db,
    dialect,
    retries: { ...defaultRetries, onRetry: options.onRetry, onGiveUp: options.onGiveUp },
    turnWait: Math.min(timeout, 1000),
    writes: { refusal: null },
    around: options.around ?? ((transaction) => transaction()),
    ping: (milliseconds = timeout) => within(milliseconds, sql`select 1`.execute(db)),
    time: () => dialect.now(db),
    pool: () => pool(),
    close: () => db.destroy(),
  }
}

async function within(milliseconds: number, answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise((_resolve, reject) => {
    const error = Object.assign(new Error(`The database did not answer within ${milliseconds} ms.`), {
      code: 'ETIMEDOUT',
    })
    timer = setTimeout(reject, milliseconds, error)
  })
  try {
    await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
