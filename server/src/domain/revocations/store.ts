import type { Db, Tx } from '../../database/connect.ts'
import type { RevocationRow } from '../../database/schema.ts'

export type { RevocationRow }

const rowsPerInsert = 100

export async function insertRevocations(db: Db | Tx, rows: RevocationRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    await db
      .insertInto('revocations')
      .values(rows.slice(start, start + rowsPerInsert))
      .execute()
  }
}

/** What still matters and was revoked at or after `since`. Both in milliseconds since 1970. */
export async function listRevocations(db: Db | Tx, since: number, now: number): Promise<RevocationRow[]> {
  return db.selectFrom('revocations').selectAll().where('revoked_at', '>=', since).where('until_at', '>', now).execute()
}
