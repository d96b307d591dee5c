import type { Db, Tx } from '../../database/connect.ts'
import type { OneTimeTokenRow } from '../../database/schema.ts'

export type { OneTimeTokenRow }

export async function insertOneTimeToken(db: Db | Tx, row: OneTimeTokenRow): Promise<void> {
  await db.insertInto('one_time_tokens').values(row).execute()
}

export async function findOneTimeTokenRow(db: Db | Tx, hash: Buffer): Promise<OneTimeTokenRow | undefined> {
  return db.selectFrom('one_time_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
}

/** Once: of two who come with the same token, one is told false. */
export async function markOneTimeTokenUsed(db: Db | Tx, id: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable('one_time_tokens')
    .set({ used_at: now })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** @param purposes those of which; all unless told @param mailedOnly those that were handed over stay */
export async function deleteOneTimeTokensOfUser(
  db: Db | Tx,
  userId: string,
  purposes?: readonly OneTimeTokenRow['purpose'][],
  mailedOnly = false,
): Promise<void> {
  let query = db.deleteFrom('one_time_tokens').where('user_id', '=', userId)
  if (purposes !== undefined) query = query.where('purpose', 'in', purposes)
  if (mailedOnly) query = query.where('mailed', '=', 1)
  await query.execute()
}

/** What a user has been given that is good still, the newest first. */
export async function listGoodTokens(db: Db, userId: string, now: number): Promise<OneTimeTokenRow[]> {
  const query = db.selectFrom('one_time_tokens').selectAll().where('user_id', '=', userId)
  return query.where('used_at', 'is', null).where('expires_at', '>', now).orderBy('created_at', 'desc').execute()
}

/** Those that went by mail, are good still, and were made after a time. */
export async function hasMailedToken(
  db: Db | Tx,
  userId: string,
  purposes: readonly OneTimeTokenRow['purpose'][],
  email: string,
  after: number,
  now: number,
): Promise<boolean> {
  const row = await db
    .selectFrom('one_time_tokens')
    .select('id')
    .where('user_id', '=', userId)
    .where('purpose', 'in', purposes)
    .where('email', '=', email)
    .where('mailed', '=', 1)
    .where('used_at', 'is', null)
    .where('created_at', '>', after)
    .where('expires_at', '>', now)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Those that expired before a time, used or not, oldest first. */
export async function listOneTimeTokensExpiredBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('one_time_tokens')
    .select(['id', 'expires_at as due_at'])
    .where('expires_at', '<', before)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteOneTimeTokenRows(db: Db | Tx, ids: string[]): Promise<number> {
  const result = await db.deleteFrom('one_time_tokens').where('id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}
