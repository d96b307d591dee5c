import { PostgresDialect, type RawBuilder, sql } from 'kysely'
import type { Db } from '../connect.ts'
import { codesOf, type Dialect, isBrokenSocket, isSilence } from '../dialect.ts'
import { type Finding, fine, problem, warning } from '../finding.ts'
import { encryption } from '../tls.ts'

const int8 = 20

export const postgres: Dialect = {
  name: 'postgres',
  groupsCommits: false,

  async open(address, limits) {
    if (address.kind !== 'postgres') throw new Error('not a PostgreSQL address')
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({
      host: address.socket ?? address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      ...encryption(address),
      ...(address.schema === undefined ? {} : { options: `-c search_path=${address.schema}` }),
      application_name: 'ntt-auth',
      max: limits.poolSize,
      connectionTimeoutMillis: limits.timeout,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      statement_timeout: limits.statementTimeout,
      lock_timeout: limits.timeout,
      idle_in_transaction_session_timeout: limits.statementTimeout,
      // The server's own limit comes first; this one is for a server that went silent.
      query_timeout: limits.statementTimeout + 1000,
      types: {
        // Times and counts are far below 2^53.
        getTypeParser: (type: number, format?: 'text' | 'binary') =>
          type === int8 ? Number : pg.types.getTypeParser(type, format as 'text'),
      },
    })
    // A connection that breaks is replaced by the pool, and whoever was using it is told by his next statement. Without
    // a listener, on idle ones and on those in use, it would end the process.
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    limits.watch?.(() => ({
      idle: pool.idleCount,
      used: pool.totalCount - pool.idleCount,
      pending: pool.waitingCount,
      max: limits.poolSize,
    }))
    return new PostgresDialect({ pool })
  },

  columns: {
    id: 'char(36) collate "C"',
    key: (length) => `varchar(${length}) collate "C"`,
    text: (length) => `varchar(${length})`,
    longText: 'text',
    integer: 'integer',
    bigint: 'bigint',
    bytes: () => 'bytea',
  },
  tableSuffix: '',
  dropIndex: (_table, index) => `drop index ${index}`,
  hasTable: (db, table) => isListed(db, 'information_schema.tables', sql`table_schema`, sql`table_name = ${table}`),
  hasColumn: (db, table, column) =>
    isListed(
      db,
      'information_schema.columns',
      sql`table_schema`,
      sql`table_name = ${table} and column_name = ${column}`,
    ),
  hasIndex: (db, table, index) =>
    isListed(db, 'pg_indexes', sql`schemaname`, sql`tablename = ${table} and indexname = ${index}`),

  async examine(db, poolSize) {
    const names = ['server_version', 'server_version_num', 'fsync', 'synchronous_commit', 'max_connections']
    const wanted = sql.join([...names, 'transaction_read_only'])
    const { rows } = await sql<{ name: string; setting: string }>`
      select name, setting from pg_settings where name in (${wanted})`.execute(db)
    return judgeSettings(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), poolSize)
  },
  // Its files are its own affair.
  forget: async () => undefined,
  async now(db) {
    const { rows } = await sql<{ ms: unknown }>`select extract(epoch from clock_timestamp()) * 1000 as ms`.execute(db)
    return Number(rows[0]!.ms)
  },

  isDuplicate: (error) => codesOf(error).code === '23505',
  isRetryable: (error) => undone.has(codesOf(error).code),
  isBusy: () => false,
  isConnectionLost(error) {
    const { code, message } = codesOf(error)
    return isBrokenSocket(error) || /^(08...|57P0[123])$/.test(code) || brokenConnection.test(message)
  },
  isUnavailable(error) {
    const { code, message } = codesOf(error)
    return (
      postgres.isConnectionLost(error) ||
      postgres.refusesWrites(error) ||
      isSilence(error) ||
      unavailable.test(code) ||
      silentConnection.test(message)
    )
  },
  refusesWrites: (error) => takesNone.has(codesOf(error).code),
}

// Serialisation failure, deadlock, lock not available in time, and read-only (after a failover the writer is elsewhere).
const undone = new Set(['40001', '40P01', '55P03', '25006'])

// Too many connections, access refused, no such database; the statement ran too long.
const unavailable = /^(53300|28...|3D000|57014)$/
// Read-only; the disk is full; the disk is broken.
const takesNone = new Set(['25006', '53100', '58030'])

// The driver raises these itself, without a code.
const brokenConnection = /^(Connection terminated|Client has encountered a connection error|Client was closed)/
const silentConnection = /^(Query read timeout|timeout exceeded when trying to connect)/

const oldestVersion = 150_000

/** @param settings as `pg_settings` has them */
export function judgeSettings(settings: Record<string, string | undefined>, poolSize: number): Finding[] {
  const findings: Finding[] = []
  const version = `PostgreSQL ${settings.server_version}`
  if (Number(settings.server_version_num) >= oldestVersion) findings.push(fine(`${version}.`))
  else findings.push(problem(`${version} is too old.`, 'Move to PostgreSQL 15 or later.'))
  if (settings.transaction_read_only === 'on') {
    findings.push(problem('The database takes no writes: it is a replica.', 'Name the primary in the URL.'))
  }
  if (settings.fsync === 'off') {
    findings.push(problem('Commits are not flushed to the disk.', 'Set fsync = on: a crash may destroy the database.'))
  }
  if (settings.synchronous_commit === 'off') {
    findings.push(
      warning('The last commits are lost with the power.', 'Set synchronous_commit = on: a logout must stay.'),
    )
  }
  if (Number(settings.max_connections) < 3 * poolSize) {
    findings.push(
      warning(
        `The server takes ${settings.max_connections} connections, and each process wants up to ${poolSize}.`,
        'Raise max_connections, or lower NTT_AUTH_DATABASE_POOL_SIZE.',
      ),
    )
  }
  return findings
}

async function isListed(
  db: Db,
  view: string,
  schemaColumn: RawBuilder<unknown>,
  condition: RawBuilder<unknown>,
): Promise<boolean> {
  const found = sql`select 1 from ${sql.raw(view)} where ${schemaColumn} = current_schema() and ${condition} limit 1`
  return (await found.execute(db)).rows.length > 0
}
