import type { Db, Tx } from '../../database/connect.ts'
import type { SigningKeyRow } from '../../database/schema.ts'

export type { SigningKeyRow }

/** Every key that is not removed, oldest first. */
export async function listSigningKeys(db: Db | Tx): Promise<SigningKeyRow[]> {
  return db
    .selectFrom('signing_keys')
    .selectAll()
    .where('state', '!=', 'removed')
    .orderBy('created_at')
    .orderBy('kid')
    .execute()
}

/** In whatever state, also removed. */
export async function findSigningKey(db: Db | Tx, kid: string): Promise<SigningKeyRow | undefined> {
  return db.selectFrom('signing_keys').selectAll().where('kid', '=', kid).executeTakeFirst()
}

/** The public half of every key there ever was, also of the removed ones while they are kept. */
export async function listPublicKeys(db: Db | Tx) {
  return db.selectFrom('signing_keys').select(['kid', 'state', 'public_jwk']).orderBy('kid').execute()
}

export async function insertSigningKey(db: Db | Tx, row: SigningKeyRow): Promise<void> {
  await db.insertInto('signing_keys').values(row).execute()
}

/** Moves a key to its next state, once: guarded by the state it is in. */
export async function moveSigningKey(
  db: Db | Tx,
  kid: string,
  from: SigningKeyRow['state'],
  change: Partial<Pick<SigningKeyRow, 'state' | 'activated_at' | 'retired_at' | 'sealed_private'>>,
): Promise<boolean> {
  const result = await db
    .updateTable('signing_keys')
    .set(change)
    .where('kid', '=', kid)
    .where('state', '=', from)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Replaces the sealed private half by the same one sealed anew, unless somebody was faster. */
export async function resealSigningKey(db: Db | Tx, kid: string, former: Buffer, sealed: Buffer): Promise<boolean> {
  const result = await db
    .updateTable('signing_keys')
    .set({ sealed_private: sealed })
    .where('kid', '=', kid)
    .where('sealed_private', '=', former)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Says that a key is revoked, in whatever state it is; when first it was, is kept. */
export async function markRevoked(db: Db | Tx, kid: string, now: number): Promise<void> {
  await db
    .updateTable('signing_keys')
    .set({ revoked_at: now })
    .where('kid', '=', kid)
    .where('revoked_at', 'is', null)
    .execute()
}

/** Keys that were removed, never revoked, and had signed or waited for the last time before a time, oldest first. */
export async function listRemovedKeys(db: Db | Tx, usedBefore: number, limit: number) {
  return db
    .selectFrom('signing_keys')
    .select(['kid as id', 'retired_at as due_at'])
    .where('state', '=', 'removed')
    .where('revoked_at', 'is', null)
    .where('retired_at', '<', usedBefore)
    .orderBy('retired_at')
    .orderBy('kid')
    .limit(limit)
    .execute()
}

export async function deleteRemovedKeys(db: Db | Tx, kids: string[]): Promise<number> {
  const result = await db
    .deleteFrom('signing_keys')
    .where('kid', 'in', kids)
    .where('state', '=', 'removed')
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
