import type { Tx } from '../../database/connect.ts'
import { deleteUserRoles, deleteUserRow, deleteUserWords } from './store.ts'

/** The user goes; its sessions stay behind, ended, for as long as somebody may ask why. */
export async function deleteUser(tx: Tx, id: string): Promise<boolean> {
  const there = await deleteUserRow(tx, id)
  await deleteUserRoles(tx, id)
  await deleteUserWords(tx, id)
  return there
}
