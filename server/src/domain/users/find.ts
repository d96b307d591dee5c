import type { Db, Tx } from '../../database/connect.ts'
import { findUserById } from './store.ts'
import { type User, userOf } from './user.ts'

export async function findUser(db: Db | Tx, id: string): Promise<User | undefined> {
  const row = await findUserById(db, id)
  return row && userOf(row)
}
