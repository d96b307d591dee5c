import { sql } from 'kysely'
import { type Clock, systemClock } from '../clock.ts'
import type { Database } from './connect.ts'
import { withLease } from './lease.ts'
import { createTable, downStatement, isDone, type Migration, type Step, upStatement } from './migration.ts'
import { migrations as all } from './migrations.ts'
import type { SchemaMigrationRow } from './schema.ts'
import { SchemaMismatch } from './schema-mismatch.ts'
import { repeating } from './transaction.ts'

export type MigrateOptions = {
  /** Hears one line for each thing done or waited for. */
  tell?(line: string): void
  clock?: Clock
  migrations?: readonly Migration[]
  /** Milliseconds after which another migrator may take over from one that died. */
  leaseDuration?: number
  /** Milliseconds to wait for another migrator before giving up. */
  patience?: number
  /** Called between any two writes; tests break off here. */
  boundary?(): void
}

export type MigrationStatus = {
  applied: string[]
  pending: string[]
  /** Names that this version does not know: a newer version was here. */
  unknown: string[]
}

/** Applies what is pending, up to and including `to`. Resumes where another run was broken off. */
export async function migrateUp(database: Database, options: MigrateOptions & { to?: string } = {}): Promise<void> {
  const { migrations = all, tell = () => undefined } = options
  const last = options.to === undefined ? migrations.length - 1 : indexOf(migrations, options.to)
  await underLease(database, options, async (guard) => {
    await refuseUnknown(database, migrations)
    const known = await recordsByStep(database)
    for (const migration of migrations.slice(0, last + 1)) {
      for (const [number, step] of migration.steps.entries()) {
        if (await applyStep(database, known, migration.name, number, step, guard)) {
          tell(`${migration.name}: step ${number + 1} of ${migration.steps.length}, ${describe(step)}`)
        }
      }
    }
  })
}

/** Takes back every migration after `to`, the newest first; null takes back all. */
export async function migrateDown(database: Database, options: MigrateOptions & { to: string | null }): Promise<void> {
  const { migrations = all, tell = () => undefined } = options
  const last = options.to === null ? -1 : indexOf(migrations, options.to)
  await underLease(database, options, async (guard) => {
    await refuseUnknown(database, migrations)
    const known = await recordsByStep(database)
    for (const migration of migrations.slice(last + 1).reverse()) {
      for (const [number, step] of [...migration.steps.entries()].reverse()) {
        if (await revertStep(database, known, migration.name, number, step, guard)) {
          tell(`${migration.name}: step ${number + 1} of ${migration.steps.length} taken back, ${describe(step)}`)
        }
      }
    }
  })
}

export async function migrationStatus(
  database: Database,
  migrations: readonly Migration[] = all,
): Promise<MigrationStatus> {
  const records = await readRecords(database)
  const finished = new Set(records.filter((row) => row.finished_at !== null).map((row) => key(row.migration, row.step)))
  const isApplied = ({ name, steps }: Migration) => steps.every((_step, number) => finished.has(key(name, number)))
  const known = new Set(migrations.flatMap(({ name, steps }) => steps.map((_step, number) => key(name, number))))
  const unknown = records.filter((row) => !known.has(key(row.migration, row.step))).map((row) => row.migration)
  return {
    applied: migrations.filter(isApplied).map(({ name }) => name),
    pending: migrations.filter((migration) => !isApplied(migration)).map(({ name }) => name),
    unknown: [...new Set(unknown)].sort(),
  }
}

/** The statements that `migrateUp` would run now. */
export async function migrationPlan(
  database: Database,
  migrations: readonly Migration[] = all,
): Promise<{ migration: string; step: number; sql: string }[]> {
  const records = await readRecords(database)
  const finished = new Set(records.filter((row) => row.finished_at !== null).map((row) => key(row.migration, row.step)))
  return migrations.flatMap(({ name, steps }) =>
    steps
      .map((step, number) => ({ migration: name, step: number + 1, sql: upStatement(step, database.dialect) }))
      .filter(({ step }) => !finished.has(key(name, step - 1))),
  )
}

/** May this version work on the schema as it is? */
export async function checkSchema(
  database: Database,
  migrations: readonly Migration[] = all,
): Promise<'current' | 'pending' | 'newer'> {
  const { pending, unknown } = await migrationStatus(database, migrations)
  if (unknown.length > 0) return 'newer'
  return pending.length > 0 ? 'pending' : 'current'
}

type Guard = {
  now(): number
  /** Throws unless the lease is still ours; to be called before every write. */
  check(): Promise<void>
}

/** What was written down of each step, by `key`; under the lease nobody else adds to it. */
type Known = ReadonlyMap<string, SchemaMigrationRow>

async function applyStep(
  database: Database,
  known: Known,
  migration: string,
  step: number,
  what: Step,
  guard: Guard,
): Promise<boolean> {
  const { db, dialect } = database
  const record = known.get(key(migration, step))
  if (record && record.finished_at !== null) return false
  await guard.check()
  if (!record) {
    const started = { migration, step, started_at: guard.now(), finished_at: null }
    await repeating(database, () => db.insertInto('schema_migrations').values(started).execute())
    await guard.check()
  }
  if (!(await isDone(what, db, dialect))) await execute(database, upStatement(what, dialect))
  await guard.check()
  await setFinished(database, migration, step, guard.now())
  return true
}

async function revertStep(
  database: Database,
  known: Known,
  migration: string,
  step: number,
  what: Step,
  guard: Guard,
): Promise<boolean> {
  const { db, dialect } = database
  if (!known.has(key(migration, step))) return false
  await guard.check()
  await setFinished(database, migration, step, null)
  await guard.check()
  if (await isDone(what, db, dialect)) await execute(database, downStatement(what, dialect))
  await guard.check()
  const done = db.deleteFrom('schema_migrations').where('migration', '=', migration).where('step', '=', step)
  await repeating(database, () => done.execute())
  return true
}

async function setFinished(database: Database, migration: string, step: number, finished_at: number | null) {
  const update = database.db
    .updateTable('schema_migrations')
    .set({ finished_at })
    .where('migration', '=', migration)
    .where('step', '=', step)
  await repeating(database, () => update.execute())
}

/** Runs DDL, again when it could not get its lock: a long transaction elsewhere must not fail the migration. */
async function execute(database: Database, statement: string): Promise<void> {
  await repeating(database, () => sql.raw(statement).execute(database.db))
}

async function underLease(
  database: Database,
  options: MigrateOptions,
  work: (guard: Guard) => Promise<void>,
): Promise<void> {
  const { clock = systemClock, leaseDuration, patience = 600_000, tell, boundary = () => undefined } = options
  await createOwnTables(database)
  await withLease(database, { name: 'migrate', clock, duration: leaseDuration, patience, tell }, (stillHeld) =>
    work({
      now: () => clock.now(),
      async check() {
        boundary()
        await stillHeld()
      },
    }),
  )
}

async function createOwnTables(database: Database): Promise<void> {
  for (const table of [leases, records]) {
    // Asked first, because a database user without the right to create tables may still look.
    if (await database.dialect.hasTable(database.db, table.table)) continue
    try {
      await execute(database, createTable(table, database.dialect, 'if not exists '))
    } catch (error) {
      // PostgreSQL lets two of these collide.
      if (!(await database.dialect.hasTable(database.db, table.table))) throw error
    }
  }
}

const leases = {
  table: 'leases',
  columns: ({ columns }: Database['dialect']) => [
    `name ${columns.key(64)} not null primary key`,
    `owner ${columns.key(128)} not null`,
    `expires_at ${columns.bigint} not null`,
    `fence ${columns.bigint} not null`,
  ],
}

const records = {
  table: 'schema_migrations',
  columns: ({ columns }: Database['dialect']) => [
    `migration ${columns.key(128)} not null`,
    `step ${columns.integer} not null`,
    `started_at ${columns.bigint} not null`,
    `finished_at ${columns.bigint}`,
    'primary key (migration, step)',
  ],
}

async function refuseUnknown(database: Database, migrations: readonly Migration[]): Promise<void> {
  const { unknown } = await migrationStatus(database, migrations)
  if (unknown.length > 0) {
    const message = `The schema is newer than this version: it has ${unknown.join(', ')}. Install a newer version.`
    throw new SchemaMismatch('newer', message)
  }
}

async function readRecords(database: Database): Promise<SchemaMigrationRow[]> {
  if (!(await database.dialect.hasTable(database.db, records.table))) return []
  return database.db.selectFrom('schema_migrations').selectAll().execute()
}

async function recordsByStep(database: Database): Promise<Known> {
  return new Map((await readRecords(database)).map((row) => [key(row.migration, row.step), row]))
}

function indexOf(migrations: readonly Migration[], name: string): number {
  const index = migrations.findIndex((migration) => migration.name === name)
  if (index < 0) {
    throw new Error(`There is no migration "${name}"; there are: ${migrations.map((known) => known.name).join(', ')}.`)
  }
  return index
}

const key = (migration: string, step: number) => `${migration}/${step}`

function describe(step: Step): string {
  if ('table' in step) return `table ${step.table}`
  if ('column' in step) return `column ${step.of}.${step.column}`
  if ('row' in step) return `row of ${step.row}`
  if ('goneIndex' in step) return `no more index ${step.goneIndex}`
  return `index ${step.index}`
}
