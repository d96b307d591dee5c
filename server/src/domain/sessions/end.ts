import type { Tx } from '../../database/connect.ts'
import type { EndReason } from '../../errors.ts'
import { endSessionRow, endSessionRows, endSessionRowsOfUser, listLiveSessionIds } from './store.ts'

/**
 * Ends one session, once.
 * @param generation if given, only while the session is still at this generation
 * @returns whether this call ended it
 */
export async function endSession(
  tx: Tx,
  id: string,
  reason: EndReason,
  now: number,
  generation?: number,
): Promise<boolean> {
  return endSessionRow(tx, id, reason, now, generation)
}

/** Ends all sessions of a user, but for one if given. @returns the ids of those that this call ended */
export async function endSessionsOfUser(
  tx: Tx,
  userId: string,
  reason: EndReason,
  now: number,
  except?: string,
): Promise<string[]> {
  const ids = await listLiveSessionIds(tx, userId, except)
  if (ids.length > 0) await endSessionRows(tx, ids, reason, now)
  return ids
}

/** Ends a user's sessions that began at or before `at`: what the journal of ends knows after a restore. */
export async function endSessionsOfUserStartedBy(
  tx: Tx,
  userId: string,
  reason: EndReason,
  at: number,
): Promise<boolean> {
  return endSessionRowsOfUser(tx, userId, reason, at)
}
