import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { type RevokedSpan, recordRevocations } from '../domain/revocations/record.ts'
import { endSession, endSessionsOfUser } from '../domain/sessions/end.ts'
import { leewaySeconds } from '../domain/tokens/access-token.ts'
import type { EndReason } from '../errors.ts'
import { type Ended, nothingEnded } from './announce-ends.ts'

/** Ends one session and revokes its access tokens. The caller announces it after the commit. */
export async function endOne(app: App, tx: Tx, id: string, reason: EndReason, generation?: number): Promise<Ended> {
  const now = app.clock.now()
  if (!(await endSession(tx, id, reason, now, generation))) return nothingEnded
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
  return revoke(app, tx, ids, reason, ends)
}

/** The audit line about `endAll`. @param kept the one that stayed */
export function sessionsEnded(userId: string, reason: EndReason, { revocations }: Ended, kept?: string): AuditEvent {
  const details = { count: revocations.length, ...(kept !== undefined && { kept }) }
  return { event: 'sessions_ended', subject: { kind: 'user', id: userId }, reason, details }
}

async function revoke(app: App, tx: Tx, ids: string[], reason: EndReason, ends: Ended['ends']): Promise<Ended> {
  const now = app.clock.now()
  const revocations = await recordRevocations(tx, 'session', ids, reason, revokedSpan(app, now), now)
  return { ends, revocations }
}

/** How long an end at `at` must be remembered: until the last access token made before it has expired on every clock. */
export function revokedSpan(app: App, at: number): RevokedSpan {
  return { before: at, until: at + app.config.accessTokenTtl + 2 * leewaySeconds * 1000 }
}
