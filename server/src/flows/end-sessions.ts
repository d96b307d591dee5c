import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import type { SessionEnd } from '../domain/journal/journal.ts'
import { recordRevocations } from '../domain/revocations/record.ts'
import { endSession, endSessionsOfUser } from '../domain/sessions/end.ts'
import { type EndedRow, findSessionEnd, listSessionsEndedSince } from '../domain/sessions/store.ts'
import type { EndReason } from '../errors.ts'
import { type Ended, nothingEnded } from './announce-ends.ts'
import { revokedSpan } from './revoked-span.ts'

/** Ends one session and revokes its access tokens. The caller announces it after the commit. */
export async function endOne(app: App, tx: Tx, id: string, reason: EndReason, generation?: number): Promise<Ended> {
  const now = app.clock.now()
  if (!(await endSession(tx, id, reason, now, generation))) return { ...nothingEnded, confirmed: await endOf(tx, id) }
  return revoke(app, tx, [id], reason, [{ kind: 'session', id, at: now, reason }])
}

/** Ends every session of a user, or all but one. The caller announces it after the commit. */
export async function endAll(app: App, tx: Tx, userId: string, reason: EndReason, except?: string): Promise<Ended> {
  const now = app.clock.now()
  const ids = await endSessionsOfUser(tx, userId, reason, now, except)
  const ends =
    except === undefined
      ? [{ kind: 'user' as const, id: userId, at: now, reason }]
      : ids.map((id) => ({ kind: 'session' as const, id, at: now, reason }))
  const ended = await revoke(app, tx, ids, reason, ends)
  if (except === undefined) return ended
  const before = await listSessionsEndedSince(tx, userId, reason, now - retriedWithin)
  return { ...ended, confirmed: before.filter(({ id }) => !ids.includes(id)).map(endOfRow) }
}

// A client that got no answer asks again within seconds; one that slept meanwhile, in the morning.
const retriedWithin = 24 * 60 * 60 * 1000

async function endOf(tx: Tx, id: string): Promise<SessionEnd[]> {
  const row = await findSessionEnd(tx, id)
  return row ? [endOfRow(row)] : []
}

function endOfRow({ id, ended_at, end_reason }: EndedRow): SessionEnd {
  return { kind: 'session', id, at: ended_at!, reason: end_reason as EndReason }
}

/** Writes the audit line about `endAll`, where any session ended. @param kept the one that stayed */
export function recordSessionsEnded(
  record: (event: AuditEvent) => void,
  userId: string,
  reason: EndReason,
  { revocations }: Ended,
  kept?: string,
): void {
  const count = revocations.length
  if (count === 0) return
  const details = { count, ...(kept !== undefined && { kept }) }
  record({ event: 'sessions_ended', subject: { kind: 'user', id: userId }, reason, details })
}

async function revoke(app: App, tx: Tx, ids: string[], reason: EndReason, ends: Ended['ends']): Promise<Ended> {
  const now = app.clock.now()
  const revocations = await recordRevocations(tx, 'session', ids, reason, revokedSpan(now), now)
  return { ends, revocations, confirmed: [] }
}
