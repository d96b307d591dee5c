import type { Dialect as KyselyDialect } from 'kysely'
import type { Db } from './connect.ts'
import type { Finding } from './finding.ts'
import type { DatabaseAddress } from './url.ts'

/** Everything in which the databases differ; `dialects/` answers, nobody else asks which database it is. */
export interface Dialect {
  readonly name: 'sqlite' | 'mysql' | 'postgres'
  /** One connection serves everybody, so commits are worth sharing; elsewhere the server groups them itself. */
  readonly groupsCommits: boolean
  /** Loads the driver, which nobody else does: a start on SQLite must not pay for the others. */
  open(address: DatabaseAddress, limits: ConnectionLimits): Promise<KyselyDialect>

  readonly columns: ColumnTypes
  /** What follows the closing parenthesis of CREATE TABLE. */
  readonly tableSuffix: string
  dropIndex(table: string, index: string): string
  hasTable(db: Db, table: string): Promise<boolean>
  hasColumn(db: Db, table: string, column: string): Promise<boolean>
  hasIndex(db: Db, table: string, index: string): Promise<boolean>

  /** Version and settings of the database, judged; reads only. @param poolSize how many connections each process has */
  examine(db: Db, poolSize: number): Promise<Finding[]>
  /** The database's time of day in milliseconds since 1970; null where it has no clock of its own. */
  now(db: Db): Promise<number | null>

  /** Takes what was deleted or replaced out of files of ours that still hold its former bytes. */
  forget(db: Db): Promise<void>

  /** A unique key was there already. */
  isDuplicate(error: unknown): boolean
  /** The transaction was undone through no fault of its own: the same again may succeed. */
  isRetryable(error: unknown): boolean
  /** Another process is writing, and the database itself did not wait for it. */
  isBusy(error: unknown): boolean
  /** The connection broke. Before COMMIT that undid the transaction; during COMMIT the outcome is unknown. */
  isConnectionLost(error: unknown): boolean
  /** The database cannot be reached, does not answer in time or takes no writes: nothing is wrong with the request. */
  isUnavailable(error: unknown): boolean
  /** It takes no writes, and will not before somebody has mended it: its disk is full, it is read-only, or it broke. */
  refusesWrites(error: unknown): boolean
}

/** Connections of this process to the database. */
export type PoolState = { idle: number; used: number; pending: number; max: number }

export type ConnectionLimits = {
  poolSize: number
  /** Milliseconds to wait for a connection, for a free place in the pool, or for a lock. */
  timeout: number
  /** Milliseconds that a statement may take. */
  statementTimeout: number
  /** Is handed how to look at the pool, where there is one. */
  watch?(pool: () => PoolState): void
}

export type ColumnTypes = {
  /** 36 ASCII characters. */
  id: string
  /** Text that is compared byte by byte, also in trailing spaces, and may be indexed. */
  key(length: number): string
  text(length: number): string
  /** JSON, or any text without a limit of its own. */
  longText: string
  integer: string
  bigint: string
  bytes(length: number): string
}

/** A driver's error, whichever driver it came from. */
export function codesOf(error: unknown): { code: string; errno: number; message: string } {
  const { code, errno, message } = (error ?? {}) as { code?: unknown; errno?: unknown; message?: unknown }
  return {
    code: typeof code === 'string' ? code : '',
    errno: typeof errno === 'number' ? errno : 0,
    message: typeof message === 'string' ? message : '',
  }
}

const brokenSockets = new Set(['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE'])
const silentSockets = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'])

export function isBrokenSocket(error: unknown): boolean {
  return brokenSockets.has(codesOf(error).code)
}

/** Nobody answers; asking again at once would only double the wait. */
export function isSilence(error: unknown): boolean {
  return silentSockets.has(codesOf(error).code)
}
