import type { Database } from './connect.ts'
import { repeating } from './transaction.ts'

/** Writes down that a chore was done to its end. For whoever holds its lease, so that nobody else writes the row. */
export async function noteChoreRun(database: Database, name: string, at: number): Promise<void> {
  const { db } = database
  await repeating(database, async () => {
    const noted = await db
      .updateTable('chore_runs')
      .set({ finished_at: at })
      .where('name', '=', name)
      .executeTakeFirst()
    if (noted.numUpdatedRows === 0n) await db.insertInto('chore_runs').values({ name, finished_at: at }).execute()
  })
}

/** @returns when a chore was last done to its end, on whichever node, in milliseconds since 1970; null where it never was */
export async function lastChoreRun({ db }: Database, name: string): Promise<number | null> {
  const row = await db.selectFrom('chore_runs').select('finished_at').where('name', '=', name).executeTakeFirst()
  return row?.finished_at ?? null
}
