import type { Db, Tx } from '../../database/connect.ts'
import type { AuditLineRow, AuditPersonRow, AuditWriterRow } from '../../database/schema.ts'

export type { AuditLineRow, AuditPersonRow, AuditWriterRow }

const rowsPerInsert = 100

export async function insertLines(db: Db | Tx, rows: AuditLineRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    await db
      .insertInto('audit_lines')
      .values(rows.slice(start, start + rowsPerInsert))
      .execute()
  }
}

export async function insertWriter(db: Db | Tx, row: AuditWriterRow): Promise<void> {
  await db.insertInto('audit_writers').values(row).execute()
}

export async function listPersons(db: Db | Tx, userIds: string[]): Promise<AuditPersonRow[]> {
  if (userIds.length === 0) return []
  return db.selectFrom('audit_persons').selectAll().where('user_id', 'in', userIds).execute()
}

/** @throws the database's duplicate error when one of them is known already */
export async function insertPersons(db: Db | Tx, rows: AuditPersonRow[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('audit_persons').values(rows).execute()
}

/** Takes a person's secret away. @returns whether the person is known */
export async function erasePersonRow(db: Db | Tx, userId: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable('audit_persons')
    .set({ secret: null, erased_at: now })
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
