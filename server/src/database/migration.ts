import type { Db } from './connect.ts'
import type { Dialect } from './dialect.ts'

/**
 * A named list of steps, one DDL statement each: where DDL cannot be rolled back, only a single statement is whole.
 * A released migration never changes.
 */
export type Migration = { readonly name: string; readonly steps: readonly Step[] }

export type Step = TableStep | ColumnStep | IndexStep

type TableStep = { table: string; columns(dialect: Dialect): string[] }
/** Nullable or with a constant default, so that the release before can go on writing. */
type ColumnStep = { column: string; of: string; type(dialect: Dialect): string }
type IndexStep = { index: string; unique?: true; on: [table: string, ...columns: string[]] }

/** The statement that does the step. */
export function upStatement(step: Step, dialect: Dialect): string {
  if ('table' in step) return createTable(step, dialect)
  if ('column' in step) return `alter table ${step.of} add column ${step.column} ${step.type(dialect)}`
  const [table, ...columns] = step.on
  return `create ${step.unique ? 'unique ' : ''}index ${step.index} on ${table} (${columns.join(', ')})`
}

/** The statement that takes the step back. */
export function downStatement(step: Step, dialect: Dialect): string {
  if ('table' in step) return `drop table ${step.table}`
  if ('column' in step) return `alter table ${step.of} drop column ${step.column}`
  return dialect.dropIndex(step.on[0], step.index)
}

/** Asks the database itself whether the step was done, whatever the records say. */
export function isDone(step: Step, db: Db, dialect: Dialect): Promise<boolean> {
  if ('table' in step) return dialect.hasTable(db, step.table)
  if ('column' in step) return dialect.hasColumn(db, step.of, step.column)
  return dialect.hasIndex(db, step.on[0], step.index)
}

export function createTable(step: TableStep, dialect: Dialect, orNot = ''): string {
  const columns = step.columns(dialect).map((column) => `  ${column}`)
  return `create table ${orNot}${step.table} (\n${columns.join(',\n')}\n)${dialect.tableSuffix}`
}
