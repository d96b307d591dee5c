import type { CompiledQuery, DatabaseConnection, Dialect, Driver } from 'kysely'
import type { DatabaseAddress } from './url.ts'

export type Operation = 'select' | 'insert' | 'update' | 'delete' | 'begin' | 'commit' | 'rollback' | 'other'

/** Hears of everything that goes to the database; called often, so it must cost next to nothing. */
export type DatabaseWatch = {
  /** Somebody got a connection, or gave up waiting, after so many milliseconds. */
  waited(milliseconds: number): void
  /** A statement was answered or failed. */
  ran(operation: Operation, milliseconds: number, failed: boolean): void
}

/** What OpenTelemetry calls the database. */
export function systemNameOf({ kind }: DatabaseAddress): string {
  return kind === 'postgres' ? 'postgresql' : kind
}

/** The same dialect, watched from the outside: the driver's own objects go on being used. */
export function watched(dialect: Dialect, watch: DatabaseWatch): Dialect {
  return {
    createDriver: () => watchDriver(dialect.createDriver(), watch),
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  }
}

function watchDriver(driver: Driver, watch: DatabaseWatch): Driver {
  const known = new WeakSet<DatabaseConnection>()
  const acquire = driver.acquireConnection
  driver.acquireConnection = async (options) => {
    const start = performance.now()
    try {
      const connection = await acquire.call(driver, options)
      if (!known.has(connection)) watchConnection(connection, watch)
      known.add(connection)
      return connection
    } finally {
      watch.waited(performance.now() - start)
    }
  }
  return driver
}

function watchConnection(connection: DatabaseConnection, watch: DatabaseWatch): void {
  const execute = connection.executeQuery
  connection.executeQuery = async (query, options) => {
    const start = performance.now()
    let failed = true
    try {
      const result = await execute.call(connection, query, options)
      failed = false
      return result as never
    } finally {
      watch.ran(operationOf(query), performance.now() - start, failed)
    }
  }
}

const byKind = new Map<string, Operation>([
  ['SelectQueryNode', 'select'],
  ['InsertQueryNode', 'insert'],
  ['UpdateQueryNode', 'update'],
  ['DeleteQueryNode', 'delete'],
])
const byWord = new Map<string, Operation>([
  ...(['select', 'insert', 'update', 'delete', 'begin', 'commit', 'rollback'] as const).map(
    (word) => [word, word] as const,
  ),
  ['start', 'begin'],
])

/** Never the text: the list of operations is closed. */
export function operationOf({ query, sql }: Pick<CompiledQuery, 'sql'> & { query: { kind: string } }): Operation {
  return byKind.get(query.kind) ?? byWord.get(/^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? '') ?? 'other'
}
