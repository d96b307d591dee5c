import type { Db, Tx } from '../../database/connect.ts'
import type { HashFormatRow } from '../../database/schema.ts'

export type { HashFormatRow }

export async function findPasswordHash(db: Db | Tx, userId: string): Promise<string | null> {
  const row = await db.selectFrom('passwords').select('hash').where('user_id', '=', userId).executeTakeFirst()
  return row?.hash ?? null
}

/** When the user chose the password, in milliseconds since 1970; null where there is none. */
export async function findPasswordChange(db: Db | Tx, userId: string): Promise<number | null> {
  const row = await db.selectFrom('passwords').select('changed_at').where('user_id', '=', userId).executeTakeFirst()
  return row?.changed_at ?? null
}

/** The hashes of the oldest and of the newest users, `limit` of each: they show which formats are in use. */
export async function sampleHashes(db: Db, limit: number): Promise<string[]> {
  const query = db.selectFrom('passwords').select('hash').limit(limit)
  const [oldest, newest] = [await query.orderBy('user_id').execute(), await query.orderBy('user_id', 'desc').execute()]
  return [...oldest, ...newest].map(({ hash }) => hash)
}

export async function insertPassword(db: Db | Tx, userId: string, hash: string, now: number): Promise<void> {
  await db.insertInto('passwords').values({ user_id: userId, hash, changed_at: now }).execute()
}

export async function insertPasswords(tx: Tx, hashes: { userId: string; hash: string }[], now: number): Promise<void> {
  if (hashes.length === 0) return
  const rows = hashes.map(({ userId, hash }) => ({ user_id: userId, hash, changed_at: now }))
  await tx.insertInto('passwords').values(rows).execute()
}

/** @returns the hashes by user id, of those who have one */
export async function findPasswordHashes(db: Db | Tx, userIds: string[]): Promise<Map<string, string>> {
  if (userIds.length === 0) return new Map()
  const rows = await db.selectFrom('passwords').select(['user_id', 'hash']).where('user_id', 'in', userIds).execute()
  return new Map(rows.map(({ user_id, hash }) => [user_id, hash]))
}

/** Guarded by the former hash: whoever changed the password in between is not overwritten. */
export async function replacePassword(
  db: Db | Tx,
  userId: string,
  former: string,
  hash: string,
  changedAt?: number,
): Promise<boolean> {
  const result = await db
    .updateTable('passwords')
    .set({ hash, ...(changedAt !== undefined && { changed_at: changedAt }) })
    .where('user_id', '=', userId)
    .where('hash', '=', former)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Whatever it was before. To be called by who has taken the user's row. */
export async function setPassword(tx: Tx, userId: string, hash: string, now: number): Promise<void> {
  const change = tx.updateTable('passwords').set({ hash, changed_at: now }).where('user_id', '=', userId)
  if ((await change.executeTakeFirst()).numUpdatedRows === 0n) await insertPassword(tx, userId, hash, now)
}

export async function deletePassword(db: Db | Tx, userId: string): Promise<void> {
  await db.deleteFrom('passwords').where('user_id', '=', userId).execute()
}

export async function listHashFormats(db: Db | Tx): Promise<HashFormatRow[]> {
  return db.selectFrom('hash_formats').selectAll().orderBy('kind').execute()
}

/** @throws the database's duplicate error when the kind is there */
export async function insertHashFormat(db: Db | Tx, row: HashFormatRow): Promise<void> {
  await db.insertInto('hash_formats').values(row).execute()
}

/** Guarded, so that of two who widen it at once neither takes anything back. */
export async function widenHashFormat(db: Db | Tx, { kind, least, most }: HashFormatRow): Promise<void> {
  const row = db.updateTable('hash_formats').where('kind', '=', kind)
  await row.set({ least }).where('least', '>', least).execute()
  await row.set({ most }).where('most', '<', most).execute()
}
