import { MysqlDialect, type MysqlPool, type MysqlPoolConnection, type RawBuilder, sql } from 'kysely'
import type { Pool, PoolConnection } from 'mysql2'
import type { Db } from '../connect.ts'
import { type ConnectionLimits, codesOf, type Dialect, isBrokenSocket, isSilence, type PoolState } from '../dialect.ts'
import { type Finding, fine, problem, warning } from '../finding.ts'
import { encryption } from '../tls.ts'

// MariaDB reads the first kind of comment, MySQL the second. Both collations compare bytes and do not pad with spaces.
const byteWise = '/*M! collate utf8mb4_nopad_bin */ /*!80017 collate utf8mb4_0900_bin */'

/** MySQL, MariaDB and what speaks like them (Galera, Group Replication, TiDB, Vitess). */
export const mysql: Dialect = {
  name: 'mysql',
  groupsCommits: false,

  async open(address, limits) {
    if (address.kind !== 'mysql') throw new Error('not a MySQL address')
    const { createPool } = await import('mysql2')
    const { ssl } = encryption(address)
    const pool = createPool({
      host: address.host,
      port: address.port,
      ...(address.socket !== undefined && { socketPath: address.socket }),
      user: address.user,
      password: address.password,
      database: address.database,
      ...(ssl && { ssl: { ...ssl, verifyIdentity: address.tls === 'verify' } }),
      charset: 'utf8mb4_bin',
      connectionLimit: limits.poolSize,
      maxIdle: Math.min(2, limits.poolSize),
      idleTimeout,
      connectTimeout: limits.timeout,
      enableKeepAlive: true,
      keepAliveInitialDelay: 10_000,
    })
    limits.watch?.(() => poolState(pool, limits))
    return new MysqlDialect({ pool: guarded(pool, limits) })
  },

  columns: {
    id: 'char(36) character set ascii /*M! collate ascii_nopad_bin */ /*!80017 collate ascii_bin */',
    key: (length) => `varchar(${length}) character set utf8mb4 ${byteWise}`,
    text: (length) => `varchar(${length})`,
    longText: 'longtext',
    integer: 'int',
    bigint: 'bigint',
    bytes: (length) => `varbinary(${length})`,
  },
  tableSuffix: ' engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin',
  dropIndex: (table, index) => `drop index ${index} on ${table}`,
  hasTable: (db, table) => isListed(db, 'tables', sql`table_name = ${table}`),
  hasColumn: (db, table, column) => isListed(db, 'columns', sql`table_name = ${table} and column_name = ${column}`),
  hasIndex: (db, table, index) => isListed(db, 'statistics', sql`table_name = ${table} and index_name = ${index}`),

  async examine(db, poolSize) {
    const { rows } = await sql<Record<string, string>>`show variables`.execute(db)
    const [name, value] = Object.keys(rows[0] ?? {})
    return judgeVariables(Object.fromEntries(rows.map((row) => [row[name!], row[value!]])), poolSize)
  },
  // Its files are its own affair.
  forget: async () => undefined,
  async now(db) {
    // Not by the local time: when summer ends, an hour of it comes twice.
    const since1970 = sql<{ us: unknown }>`select timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) as us`
    return Number((await since1970.execute(db)).rows[0]!.us) / 1000
  },

  isDuplicate: (error) => codesOf(error).errno === 1062,
  isRetryable(error) {
    const { errno, message } = codesOf(error)
    // 1180 is any failed commit; with 149 it lost a certification.
    return undone.has(errno) || notAWriter.has(errno) || (errno === 1180 && /\b149\b/.test(message))
  },
  isBusy: () => false,
  isConnectionLost(error) {
    const { code, errno, message } = codesOf(error)
    return (
      isBrokenSocket(error) ||
      code === 'PROTOCOL_CONNECTION_LOST' ||
      message === closedState ||
      // Shutting down, killed.
      errno === 1053 ||
      errno === 1927
    )
  },
  isUnavailable(error) {
    const { code, errno } = codesOf(error)
    return (
      mysql.isConnectionLost(error) ||
      isSilence(error) ||
      code === 'PROTOCOL_SEQUENCE_TIMEOUT' ||
      unavailable.has(errno) ||
      mysql.refusesWrites(error) ||
      errno === 1047
    )
  },
  refusesWrites(error) {
    const { errno, message } = codesOf(error)
    return notAWriter.has(errno) || full.has(errno) || (errno === 1180 && /\b28\b/.test(message))
  },
}

// Deadlock, lock wait, lost certification, a node that is not ready, and what TiDB says of write conflicts.
const undone = new Set([1213, 1205, 3101, 1047, 8002, 8005, 8022, 9007])
// Read-only: after a failover the writer is elsewhere.
const notAWriter = new Set([1290, 1792, 1836])
// No space on the disk for the table, a temporary file or the binary log; for a commit it is 1180 with 28.
const full = new Set([1021, 1026, 1114])
// Too many connections, shutting down, access refused; the statement ran too long (MariaDB, MySQL).
const unavailable = new Set([1040, 1053, 1044, 1045, 1049, 1203, 1969, 3024])

// mysql2 says it without a code, of a connection that broke while nobody was waiting for an answer.
const closedState = "Can't add new command when connection is in closed state"

/** Milliseconds for which an idle connection is kept. */
const idleTimeout = 60_000
const megabyte = 1024 * 1024

/** @param variables as SHOW VARIABLES has them */
export function judgeVariables(variables: Record<string, string | undefined>, poolSize: number): Finding[] {
  const findings = [judgeVersion(variables.version ?? '')]
  const number = (name: string) => Number(variables[name])
  if (variables.read_only === 'ON' || variables.super_read_only === 'ON') {
    findings.push(problem('The database takes no writes: it is a replica.', 'Name the writer in the URL.'))
  }
  if (number('innodb_flush_log_at_trx_commit') !== 1) {
    findings.push(
      warning(
        'The last commits are lost with the power.',
        'Set innodb_flush_log_at_trx_commit = 1: a logout must stay.',
      ),
    )
  }
  if (number('wait_timeout') * 1000 <= idleTimeout) {
    findings.push(
      warning(
        `The server closes connections after ${variables.wait_timeout} s, before the pool does.`,
        `Set wait_timeout above ${idleTimeout / 1000} seconds.`,
      ),
    )
  }
  if (number('max_allowed_packet') < megabyte) {
    findings.push(warning('Statements may have less than 1 MiB.', 'Set max_allowed_packet to 16M.'))
  }
  if (number('max_connections') < 3 * poolSize) {
    findings.push(
      warning(
        `The server takes ${variables.max_connections} connections, and each process wants up to ${poolSize}.`,
        'Raise max_connections, or lower NTT_AUTH_DATABASE_POOL_SIZE.',
      ),
    )
  }
  if (variables.sql_generate_invisible_primary_key === 'ON') {
    findings.push(
      warning(
        'The server adds primary keys of its own.',
        'Set sql_generate_invisible_primary_key = OFF; all tables have one.',
      ),
    )
  }
  if (variables.wsrep_on === 'ON' && number('wsrep_sync_wait') === 0) {
    findings.push(
      warning(
        'A read on one node of the cluster may not see what was just written on another.',
        'Let all servers use one node for writing, or set wsrep_sync_wait = 1.',
      ),
    )
  }
  return findings
}

function judgeVersion(version: string): Finding {
  const maria = /MariaDB/i.test(version)
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const [name, least] = maria ? ['MariaDB', [10, 11] as const] : ['MySQL', [8, 4] as const]
  const text = `${name} ${version.split('-')[0]}`
  if (major > least[0] || (major === least[0] && minor >= least[1])) return fine(`${text}.`)
  return problem(`${text} is too old.`, `Move to ${name} ${least.join('.')} or later.`)
}

async function isListed(db: Db, what: string, condition: RawBuilder<unknown>): Promise<boolean> {
  const from = sql.raw(`information_schema.${what}`)
  const found = sql`select 1 from ${from} where table_schema = database() and ${condition} limit 1`
  return (await found.execute(db)).rows.length > 0
}

function sessionSettings({ timeout, statementTimeout }: ConnectionLimits): string[] {
  const seconds = Math.max(1, Math.ceil(timeout / 1000))
  return [
    // Gap locks would make inserts wait for the cleanup.
    'set session transaction isolation level read committed',
    `set session sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', ` +
      `innodb_lock_wait_timeout = ${seconds}, lock_wait_timeout = ${seconds} ` +
      `/*M! , max_statement_time = ${statementTimeout / 1000} */ /*!80017 , max_execution_time = ${statementTimeout} */`,
  ]
}

/**
 * The pool, with what mysql2 leaves out: no waiting for ever, session settings, and no second use of a connection whose
 * state is unknown (timed out, failed to roll back) or that leads to a server which takes no writes.
 */
function guarded(pool: Pool, limits: ConnectionLimits): MysqlPool {
  const wrapped = new WeakMap<PoolConnection, MysqlPoolConnection>()
  return {
    // A connection that never came about cannot be closed in order, and need not be.
    end: (callback) => pool.end(() => callback(undefined)),
    getConnection(callback) {
      let late = false
      const timer = setTimeout(() => {
        late = true
        callback(timedOut('No database connection became free in time'), undefined as never)
      }, limits.timeout)
      pool.getConnection((error, connection) => {
        if (late) return error ? undefined : connection.release()
        clearTimeout(timer)
        if (error) return callback(error, undefined as never)
        const known = wrapped.get(connection)
        if (known) return callback(undefined, known)
        const fresh = guardedConnection(connection, limits)
        prepare(fresh, sessionSettings(limits), (failure) => {
          if (!failure) wrapped.set(connection, fresh)
          else connection.destroy()
          callback(failure, fresh)
        })
      })
    },
  }
}

function prepare(connection: MysqlPoolConnection, [text, ...rest]: string[], done: (error?: unknown) => void): void {
  if (text === undefined) done()
  else connection.query(text, [], (error) => (error ? done(error) : prepare(connection, rest, done)))
}

function guardedConnection(connection: PoolConnection, limits: ConnectionLimits): MysqlPoolConnection {
  // The server's own limit comes first; this one is for a server that went silent.
  const timeout = limits.statementTimeout + 1000
  return {
    config: connection.config,
    threadId: connection.threadId as number,
    connect: () => undefined,
    destroy: () => connection.destroy(),
    release: () => connection.release(),
    query(text, values, callback) {
      return connection.query({ sql: text, values, timeout }, (error: unknown, result: unknown) => {
        if (error && isSpoilt(text, error)) connection.destroy()
        callback?.(error ?? undefined, result as never)
      }) as never
    },
  }
}

function isSpoilt(text: string, error: unknown): boolean {
  const { code, errno } = codesOf(error)
  return code === 'PROTOCOL_SEQUENCE_TIMEOUT' || notAWriter.has(errno) || errno === 1047 || text === 'rollback'
}

/** The driver has no other way to ask; should it change its insides, the figures are 0. */
function poolState(pool: Pool, { poolSize }: ConnectionLimits): PoolState {
  const inside = pool as unknown as Record<string, { length?: number } | undefined>
  const count = (name: string) => inside[name]?.length ?? 0
  const idle = count('_freeConnections')
  return { idle, used: count('_allConnections') - idle, pending: count('_connectionQueue'), max: poolSize }
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}
