import type { Db, Tx } from '../../database/connect.ts'
import type { SigningKeyRow } from '../../database/schema.ts'

export type { SigningKeyRow }

export async function listSigningKeys(db: Db | Tx): Promise<SigningKeyRow[]> {
  return db.selectFrom('signing_keys').selectAll().where('state', '!=', 'removed').orderBy('created_at').execute()
}

export async function insertSigningKey(db: Db | Tx, row: SigningKeyRow): Promise<void> {
  await db.insertInto('signing_keys').values(row).execute()
}

/** Moves a key to its next state, once: guarded by the state it is in. */
export async function moveSigningKey(
  db: Db | Tx,
  kid: string,
  from: SigningKeyRow['state'],
  change: Partial<Pick<SigningKeyRow, 'state' | 'activated_at' | 'retired_at'>>,
): Promise<boolean> {
  const result = await db
    .updateTable('signing_keys')
    .set(change)
    .where('kid', '=', kid)
    .where('state', '=', from)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
