import { sql } from 'kysely'
import type { Db } from './connect.ts'
import type { Dialect } from './dialect.ts'

/**
 * A named list of steps, one DDL statement each: where DDL cannot be rolled back, only a single statement is whole.
 * A released migration never changes.
 */
export type Migration = { readonly name: string; readonly steps: readonly Step[] }

export type Step = TableStep | ColumnStep | IndexStep | GoneIndexStep | RowStep

type TableStep = { table: string; columns(dialect: Dialect): string[] }
/** Nullable or with a constant default, so that the release before can go on writing. */
type ColumnStep = { column: string; of: string; type(dialect: Dialect): string }
type IndexStep = { index: string; unique?: true; on: [table: string, ...columns: string[]] }
/** An index that no statement goes by, of this release or the one before. */
type GoneIndexStep = { goneIndex: string; on: [table: string, ...columns: string[]] }
/** A row that belongs to the schema because statements count on it; texts and numbers, the first being its key. */
type RowStep = { row: string; values: Record<string, string | number> }

/** The statement that does the step. */
export function upStatement(step: Step, dialect: Dialect): string {
  if ('table' in step) return createTable(step, dialect)
  if ('column' in step) return `alter table ${step.of} add column ${step.column} ${step.type(dialect)}`
  if ('row' in step) {
    const values = Object.values(step.values).map((value) => (typeof value === 'string' ? `'${value}'` : value))
    return `insert into ${step.row} (${Object.keys(step.values).join(', ')}) values (${values.join(', ')})`
  }
  if ('goneIndex' in step) return dialect.dropIndex(step.on[0], step.goneIndex)
  return createIndex(step.index, step.on, step.unique)
}

/** The statement that takes the step back. */
export function downStatement(step: Step, dialect: Dialect): string {
  if ('table' in step) return `drop table ${step.table}`
  if ('column' in step) return `alter table ${step.of} drop column ${step.column}`
  if ('row' in step) return `delete from ${step.row} where ${keyOf(step)}`
  if ('goneIndex' in step) return createIndex(step.goneIndex, step.on)
  return dialect.dropIndex(step.on[0], step.index)
}

function createIndex(name: string, [table, ...columns]: IndexStep['on'], unique = false): string {
  return `create ${unique ? 'unique ' : ''}index ${name} on ${table} (${columns.join(', ')})`
}

function keyOf({ values }: RowStep): string {
  const [[name, value]] = Object.entries(values) as [[string, string | number]]
  return `${name} = ${typeof value === 'string' ? `'${value}'` : value}`
}

/** Asks the database itself whether the step was done, whatever the records say. */
export async function isDone(step: Step, db: Db, dialect: Dialect): Promise<boolean> {
  if ('table' in step) return dialect.hasTable(db, step.table)
  if ('column' in step) return dialect.hasColumn(db, step.of, step.column)
  if ('row' in step) {
    const { rows } = await sql.raw(`select 1 from ${step.row} where ${keyOf(step)}`).execute(db)
    return rows.length > 0
  }
  if ('goneIndex' in step) return !(await dialect.hasIndex(db, step.on[0], step.goneIndex))
  return dialect.hasIndex(db, step.on[0], step.index)
}

export function createTable(step: TableStep, dialect: Dialect, orNot = ''): string {
  const columns = step.columns(dialect).map((column) => `  ${column}`)
  return `create table ${orNot}${step.table} (\n${columns.join(',\n')}\n)${dialect.tableSuffix}`
}
