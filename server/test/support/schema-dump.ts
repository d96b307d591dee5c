import { sql } from 'kysely'
import type { Database } from '../../src/database/connect.ts'

/** The whole schema as the database itself describes it, and which migration steps it counts as done. */
export async function dumpSchema(database: Database): Promise<string[]> {
  const { db } = database
  const lines: Record<Database['dialect']['name'], () => Promise<unknown[]>> = {
    sqlite: async () =>
      (await sql`select type, name, tbl_name, sql from sqlite_master order by type, name`.execute(db)).rows,
    async mysql() {
      const { rows } = await sql<{ name: string }>`
        select table_name as name from information_schema.tables where table_schema = database() order by name`.execute(
        db,
      )
      return Promise.all(
        rows.map(async ({ name }) => (await sql`show create table ${sql.id(name)}`.execute(db)).rows[0]),
      )
    },
    async postgres() {
      const columns = sql`
        select table_name, column_name, data_type, character_maximum_length, collation_name, is_nullable
        from information_schema.columns where table_schema = current_schema() order by table_name, ordinal_position`
      const indexes = sql`
        select indexname, replace(indexdef, current_schema(), '') as def from pg_indexes
        where schemaname = current_schema() order by indexname`
      return [...(await columns.execute(db)).rows, ...(await indexes.execute(db)).rows]
    },
  }
  const schema = await lines[database.dialect.name]()
  const done = await db.selectFrom('schema_migrations').select(['migration', 'step', 'finished_at']).execute()
  const steps = done.map(({ migration, step, finished_at }) => `${migration} ${step} ${finished_at !== null}`).sort()
  return [...schema.map((line) => JSON.stringify(line)), ...steps]
}
