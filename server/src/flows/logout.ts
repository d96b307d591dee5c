import type { App } from '../app.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import type { EndReason } from '../errors.ts'
import { type Act, actingAs } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endAll, endOne, revokedSpan, sessionsEnded } from './end-sessions.ts'

export type LogoutScope = 'this' | 'others' | 'all'

const reasons: Record<LogoutScope, EndReason> = { this: 'logout', others: 'logout_others', all: 'logout_all' }

/**
 * A session, the user's other sessions, or all of them end. Works with an authentic refresh token of any generation, or
 * by the session of an access token; again and again, also for what is not there.
 * @param sessionId whose logout it is, or null when the token shown was not ours
 */
export async function logout(app: App, act: Act, sessionId: string | null, scope: LogoutScope): Promise<void> {
  if (sessionId === null) return
  const { rows } = await findSessionWithUser(app.database.db, { id: sessionId })
  const session = rows[0]
  // Who was logged out may not log out others: the token of an ended session is worth nothing any more.
  if (!session || app.clock.now() >= session.absolute_expires_at) return
  if (session.ended_at !== null) return confirmEnd(app, session.id, session.ended_at, session.end_reason)
  const reason = reasons[scope]
  const user = session.user_id
  const end = await inAuditedTransaction(app, actingAs(act, user), async (tx, record) => {
    if (scope === 'this') {
      const end = await endOne(app, tx, sessionId, reason)
      if (end.ends.length > 0)
        record({ event: 'session_ended', subject: { kind: 'session', id: sessionId }, user, reason })
      return end
    }
    const end = await endAll(app, tx, user, reason, scope === 'others' ? sessionId : undefined)
    record(sessionsEnded(user, reason, end, scope === 'others' ? sessionId : undefined))
    return end
  })
  // Somebody else was faster, perhaps on another node: look again.
  if (scope === 'this' && end.ends.length === 0) return logout(app, act, sessionId, scope)
  announceEnds(app, end)
}

/**
 * Another node ended it, and its answer may have been lost, as when it died after the commit. Who answers the retry
 * answers for the end: it refuses the access tokens at once, and keeps the end through a restore.
 */
function confirmEnd(app: App, id: string, at: number, reason: string | null): void {
  const span = revokedSpan(app, at)
  if (span.until <= app.clock.now() || app.revocations.has({ sid: id, sub: '', jti: '', iat: 0 }, '')) return
  app.journal.append([{ kind: 'session', id, at, reason: (reason ?? 'logout') as EndReason }])
  app.revocations.add([{ kind: 'session', subject: id, before_at: span.before, until_at: span.until }])
}
