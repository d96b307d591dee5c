import type { Tx } from '../../database/connect.ts'
import { listLiveSessionsByUse } from './store.ts'

/**
 * The sessions that must go so that one more keeps a user within the limit: those that were used longest ago.
 * @param now milliseconds since 1970
 */
export async function surplusSessions(tx: Tx, userId: string, limit: number, now: number): Promise<string[]> {
  const alive = await listLiveSessionsByUse(tx, userId, now)
  return alive.slice(limit - 1).map(({ id }) => id)
}
