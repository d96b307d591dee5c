import type { Tx } from '../../database/connect.ts'
import type { EndReason } from '../../errors.ts'
import { lapseOf } from './lapse.ts'
import { endSessionRow, endSessionRows, endSessionRowsOfUser, listOpenSessions } from './store.ts'

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)

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

/**
 * Ends all sessions of a user, but for one if given. Those that had lapsed by themselves keep their own reason; they are
 * ended all the same, because a token ahead of its row would find them alive (`judge-refresh.ts`).
 * @returns the ids of those that lived
 */
export async function endSessionsOfUser(
  tx: Tx,
  userId: string,
  reason: EndReason,
  now: number,
  except?: string,
): Promise<string[]> {
  const open = await listOpenSessions(tx, userId, except)
  const living = open.filter((row) => lapseOf(row, now) === null)
  await endSessionRows(tx, idsOf(living), reason, now)
  for (const lapse of ['idle', 'expired'] as const) {
    const lapsed = open.filter((row) => lapseOf(row, now) === lapse)
    await endSessionRows(tx, idsOf(lapsed), lapse, now)
  }
  return idsOf(living)
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
