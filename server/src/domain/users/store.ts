import type { Db, Tx } from '../../database/connect.ts'
import type { UserRow } from '../../database/schema.ts'

export type { UserRow }

export async function insertUser(db: Db | Tx, row: UserRow): Promise<void> {
  await db.insertInto('users').values(row).execute()
}

export async function findUserById(db: Db | Tx, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The user beside the password's hash, for a login; `hash` is null where there is no password. */
export async function findUserForLogin(db: Db | Tx, email: string) {
  return db
    .selectFrom('users')
    .leftJoin('passwords', 'passwords.user_id', 'users.id')
    .selectAll('users')
    .select('passwords.hash as hash')
    .where('users.email', '=', email)
    .executeTakeFirst()
}

export async function findUserIdByEmail(db: Db | Tx, email: string): Promise<string | undefined> {
  const row = await db.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst()
  return row?.id
}

/** @returns whether there was such a user */
export async function updateUser(
  db: Db | Tx,
  id: string,
  change: Partial<Omit<UserRow, 'id' | 'created_at'>>,
): Promise<boolean> {
  const result = await db.updateTable('users').set(change).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteUserRow(db: Db | Tx, id: string): Promise<boolean> {
  const result = await db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}
