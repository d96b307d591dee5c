import type { Tx } from '../../database/connect.ts'
import { findService, type ServiceDetails } from './list.ts'
import { takeServiceRow } from './store.ts'

/**
 * Takes a service's row before it is judged, so that two changes of one service come one after the other.
 * @param id its id, or the client id by which it comes in
 */
export async function takeService(tx: Tx, id: string, now: number): Promise<ServiceDetails | null> {
  return (await takeServiceRow(tx, id)) ? findService(tx, id, now) : null
}
