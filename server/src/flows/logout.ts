import type { App } from '../app.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { lapseOf } from '../domain/sessions/lapse.ts'
import { findSessionWithUser, type Lifetime } from '../domain/sessions/store.ts'
import type { EndReason } from '../errors.ts'
import { type Act, actingAs } from './acting.ts'
import { announceEnds, confirmEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endAll, endOne, recordSessionsEnded } from './end-sessions.ts'

export type LogoutScope = 'this' | 'others' | 'all'

/** The session of the token that was shown; the generation is that of a refresh token, null of an access token. */
export type ShownSession = { id: string; generation: number | null }

const reasons: Record<LogoutScope, EndReason> = { this: 'logout', others: 'logout_others', all: 'logout_all' }

/**
 * A session, the user's other sessions, or all of them end. Works with an authentic refresh token of any generation, or
 * by the session of an access token; again and again, also for what is not there.
 * @param shown whose logout it is, or null when the token shown was not ours
 */
export async function logout(app: App, act: Act, shown: ShownSession | null, scope: LogoutScope): Promise<void> {
  if (shown === null) return
  const sessionId = shown.id
  const { rows } = await findSessionWithUser(app.database.db, { id: sessionId })
  const session = rows[0]
  // Who was logged out may not log out others: the token of an ended session is worth nothing any more.
  if (!session || hasLapsed(session, shown.generation, app.clock.now())) return
  if (session.ended_at !== null) return confirm(app, session)
  const reason = reasons[scope]
  const user = session.user_id
  // A service that shows a token acts for itself: it is not the user.
  const by = act.actor.kind === 'service' ? act : actingAs(act, user)
  const end = await inAuditedTransaction(app, by, async (tx, record) => {
    if (scope === 'this') {
      const end = await endOne(app, tx, sessionId, reason)
      if (end.ends.length > 0)
        record({ event: 'session_ended', subject: { kind: 'session', id: sessionId }, user, reason })
      return end
    }
    // Whoever has begun to move the account away is logged out as well.
    if (scope === 'all') await deleteOneTimeTokensOfUser(tx, user, ['email_change'])
    const end = await endAll(app, tx, user, reason, scope === 'others' ? sessionId : undefined)
    recordSessionsEnded(record, user, reason, end, scope === 'others' ? sessionId : undefined)
    return end
  })
  // Somebody else was faster, perhaps on another node: look again.
  if (scope === 'this' && end.ends.length === 0) return logout(app, act, shown, scope)
  announceEnds(app, end)
}

/** A token ahead of its row tells that the row's idle time is stale, and a good access token that the session lives. */
function hasLapsed(row: { generation: number } & Lifetime, generation: number | null, now: number): boolean {
  const lapse = lapseOf(row, now)
  return lapse === 'expired' || (lapse === 'idle' && generation !== null && generation <= row.generation)
}

/** The same act again, after it was done: by another node, or by this one before it died. */
function confirm(
  app: App,
  row: { id: string; user_id: string; ended_at: number | null; end_reason: string | null },
): void {
  const reason = (row.end_reason ?? 'logout') as EndReason
  const at = row.ended_at!
  const whole = reason === 'logout_all' ? ({ kind: 'user', id: row.user_id } as const) : null
  confirmEnds(app, [{ kind: 'session', id: row.id, at, reason }, ...(whole ? [{ ...whole, at, reason }] : [])])
}
