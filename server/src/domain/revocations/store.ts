import type { Db, Tx } from '../../database/connect.ts'
import type { RevocationRow } from '../../database/schema.ts'
import { statement } from '../../database/statement.ts'

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

/** What still matters and stands behind a place in the feed, in its order; what has no place yet comes last. */
export const listRevocationsAfter = statement<{ position: number; now: number; limit: number }, RevocationRow>(
  (db, p) =>
    db
      .selectFrom('revocations')
      .selectAll()
      .where('position', '>', p('position'))
      .where('until_at', '>', p('now'))
      .orderBy('position')
      .orderBy('id')
      .limit(p('limit')),
)

export async function listUnplacedIds(db: Db | Tx, unplaced: number, limit: number): Promise<string[]> {
  const query = db.selectFrom('revocations').select('id').where('position', '=', unplaced)
  return (await query.orderBy('id').limit(limit).execute()).map(({ id }) => id)
}

/** Gives these a place, unless they have one. */
export async function placeRevocations(db: Db | Tx, ids: string[], unplaced: number, position: number): Promise<void> {
  await db
    .updateTable('revocations')
    .set({ position })
    .where('id', 'in', ids)
    .where('position', '=', unplaced)
    .execute()
}

const feed = 'revocations'

/** The last place that was given; 0 before the first. */
export async function readFeedHead(db: Db | Tx): Promise<number> {
  const { rows } = await findFeedHead(db, { name: feed })
  return rows[0]?.position ?? 0
}

const findFeedHead = statement<{ name: string }, { position: number }>((db, p) =>
  db.selectFrom('revocation_feed').select('position').where('name', '=', p('name')),
)

/** @throws the database's error for a duplicate when another node was first */
export async function insertFeedHead(db: Db | Tx, position: number): Promise<void> {
  await db.insertInto('revocation_feed').values({ name: feed, position }).execute()
}

/** @returns false when another node gave a place meanwhile */
export async function advanceFeedHead(db: Db | Tx, from: number, to: number): Promise<boolean> {
  const result = await db
    .updateTable('revocation_feed')
    .set({ position: to })
    .where('name', '=', feed)
    .where('position', '=', from)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Which of these access tokens are revoked by themselves. */
export async function listRevokedTokens(db: Db | Tx, ids: string[], now: number): Promise<string[]> {
  if (ids.length === 0) return []
  const query = db.selectFrom('revocations').select('subject').where('until_at', '>', now).where('kind', '=', 'token')
  return (await query.where('subject', 'in', ids).execute()).map(({ subject }) => subject)
}

/** Those that mattered until before a time, oldest first. */
export async function listRevocationsLapsedBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('revocations')
    .select(['id', 'until_at as due_at'])
    .where('until_at', '<', before)
    .orderBy('until_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteRevocationRows(db: Db | Tx, ids: string[]): Promise<number> {
  const result = await db.deleteFrom('revocations').where('id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}
