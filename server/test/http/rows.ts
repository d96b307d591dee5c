import { sql } from 'kysely'
import type { Database } from '../../src/database/connect.ts'

const tables = [
  'users',
  'user_roles',
  'user_words',
  'one_time_tokens',
  'latches',
  'passwords',
  'sessions',
  'revocations',
  'signing_keys',
  'schema_migrations',
]

/** Every row of every table, as one text that can be compared. */
export async function dumpRows({ db }: Database): Promise<string> {
  const parts = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await sql`select * from ${sql.table(table)}`.execute(db)
      return `${table}\n${rows
        // A revocation gets its place in the feed a moment after the commit.
        .map((row) => JSON.stringify({ ...(row as object), ...(table === 'revocations' && { position: null }) }))
        .sort()
        .join('\n')}`
    }),
  )
  return parts.join('\n')
}
