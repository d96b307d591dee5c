import { sql } from 'kysely'
import type { Database } from '../../src/database/connect.ts'
import { migrateUp, migrationPlan } from '../../src/database/migrate.ts'

/**
 * What `migrateUp` makes of an empty database, without its care: no step is guarded, looked up or written down by itself.
 * `test/database/quick-schema.test.ts` holds the two together.
 */
export async function quickSchema(database: Database): Promise<void> {
  // The tables it keeps for itself.
  await migrateUp(database, { migrations: [] })
  const plan = await migrationPlan(database)
  const now = Date.now()
  const records = plan.map(({ migration, step }) => `('${migration}', ${step - 1}, ${now}, ${now})`)
  const statements = [
    ...plan.map((step) => step.sql),
    `insert into schema_migrations (migration, step, started_at, finished_at) values ${records.join(', ')}`,
  ]
  await database.db.connection().execute(async (connection) => {
    for (const statement of batches[database.dialect.name](statements)) await sql.raw(statement).execute(connection)
  })
}

const batches: Record<Database['dialect']['name'], (statements: string[]) => string[]> = {
  sqlite: (statements) => ['begin', ...statements, 'commit'],
  mysql: (statements) => statements,
  // One message, and one transaction.
  postgres: (statements) => [statements.join(';\n')],
}
