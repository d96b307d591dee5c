import type { Tx } from '../../database/connect.ts'
import { deleteUserRow } from './store.ts'

/** The user goes; its sessions stay behind, ended, for as long as somebody may ask why. */
export async function deleteUser(tx: Tx, id: string): Promise<boolean> {
  return deleteUserRow(tx, id)
}
