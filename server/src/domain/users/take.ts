import type { Tx } from '../../database/connect.ts'
import { findUserById, takeUserRow } from './store.ts'
import { type User, userOf } from './user.ts'

/** Takes a user's row before it is judged, so that two changes of one user come one after the other. */
export async function takeUser(tx: Tx, id: string): Promise<User | undefined> {
  const row = (await takeUserRow(tx, id)) ? await findUserById(tx, id) : undefined
  return row && userOf(row)
}
