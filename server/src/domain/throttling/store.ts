import type { Db, Tx } from '../../database/connect.ts'
import type { GuessRow } from '../../database/schema.ts'
import { statement } from '../../database/statement.ts'
import type { Rate } from './limits.ts'

export type { GuessRow }

export const findGuesses = statement<{ name: string }, { failures: number; last_at: number }>((db, p) =>
  db.selectFrom('guesses').select(['failures', 'last_at']).where('name', '=', p('name')),
)

export async function listGuesses(db: Db, names: string[]): Promise<GuessRow[]> {
  return db.selectFrom('guesses').selectAll().where('name', 'in', names).execute()
}

export async function insertGuesses(tx: Tx, row: GuessRow): Promise<void> {
  await tx.insertInto('guesses').values(row).execute()
}

/** @param from what the row must still say @returns false when somebody was faster */
export async function replaceGuesses(
  tx: Tx,
  { name, ...to }: GuessRow,
  from: { failures: number; last_at: number },
): Promise<boolean> {
  const query = tx
    .updateTable('guesses')
    .set(to)
    .where('name', '=', name)
    .where('failures', '=', from.failures)
    .where('last_at', '=', from.last_at)
  return (await query.executeTakeFirst()).numUpdatedRows > 0n
}

/** Takes back one that was not judged after all. */
export async function returnGuess(db: Db | Tx, name: string): Promise<void> {
  await db
    .updateTable('guesses')
    .set((row) => ({ failures: row('failures', '-', 1) }))
    .where('name', '=', name)
    .where('failures', '>', 0)
    .execute()
}

/** @returns whether there were any */
export async function deleteGuesses(db: Db | Tx, name: string): Promise<boolean> {
  return (await db.deleteFrom('guesses').where('name', '=', name).executeTakeFirst()).numDeletedRows > 0n
}

export async function findBucket(db: Db | Tx, name: string): Promise<number | undefined> {
  const row = await db.selectFrom('buckets').select('empty_at').where('name', '=', name).executeTakeFirst()
  return row?.empty_at
}

/**
 * What `judgeRate` says, in one statement: many fill the bucket of one network at once, and none has to wait for more
 * than a commit.
 * @returns false when the bucket is full, or not there
 */
export async function fillBucket(tx: Tx, name: string, { burst, every }: Rate, now: number): Promise<boolean> {
  const query = tx
    .updateTable('buckets')
    .set((row) => ({
      empty_at: row
        .case()
        .when('empty_at', '>', now)
        .then(row('empty_at', '+', every))
        .else(now + every)
        .end(),
    }))
    .where('name', '=', name)
    .where('empty_at', '<=', now + (burst - 1) * every)
  return (await query.executeTakeFirst()).numUpdatedRows > 0n
}

export async function insertBucket(tx: Tx, name: string, emptyAt: number): Promise<void> {
  await tx.insertInto('buckets').values({ name, empty_at: emptyAt }).execute()
}

/** @param from what the row must still say @returns false when somebody was faster */
export async function replaceBucket(tx: Tx, name: string, emptyAt: number, from: number): Promise<boolean> {
  const query = tx
    .updateTable('buckets')
    .set({ empty_at: emptyAt })
    .where('name', '=', name)
    .where('empty_at', '=', from)
  return (await query.executeTakeFirst()).numUpdatedRows > 0n
}

/** Takes out of a bucket what one call put in. */
export async function drainBucket(db: Db | Tx, name: string, by: number): Promise<void> {
  await db
    .updateTable('buckets')
    .set((row) => ({ empty_at: row('empty_at', '-', by) }))
    .where('name', '=', name)
    .execute()
}

export async function listGuessesForgottenBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('guesses')
    .select(['name as id', 'forgotten_at as due_at'])
    .where('forgotten_at', '<', before)
    .orderBy('forgotten_at')
    .orderBy('name')
    .limit(limit)
    .execute()
}

/** @param before so that none goes that has been counted on meanwhile */
export async function deleteGuessRows(db: Db | Tx, names: string[], before: number): Promise<number> {
  const query = db.deleteFrom('guesses').where('name', 'in', names).where('forgotten_at', '<', before)
  return Number((await query.executeTakeFirst()).numDeletedRows)
}

export async function listBucketsEmptyBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('buckets')
    .select(['name as id', 'empty_at as due_at'])
    .where('empty_at', '<', before)
    .orderBy('empty_at')
    .orderBy('name')
    .limit(limit)
    .execute()
}

/** @param before so that none goes that has been filled meanwhile */
export async function deleteBucketRows(db: Db | Tx, names: string[], before: number): Promise<number> {
  const query = db.deleteFrom('buckets').where('name', 'in', names).where('empty_at', '<', before)
  return Number((await query.executeTakeFirst()).numDeletedRows)
}
