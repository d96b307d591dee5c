import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import type { EndReason } from '../errors.ts'
import { announceEnds } from './announce-ends.ts'
import { endAll, endOne } from './end-sessions.ts'

export type LogoutScope = 'this' | 'others' | 'all'

const reasons: Record<LogoutScope, EndReason> = { this: 'logout', others: 'logout_others', all: 'logout_all' }

/**
 * A session, the user's other sessions, or all of them end. Works with an authentic refresh token of any generation, or
 * by the session of an access token; again and again, also for what is not there.
 * @param sessionId whose logout it is, or null when the token shown was not ours
 */
export async function logout(app: App, sessionId: string | null, scope: LogoutScope): Promise<void> {
  if (sessionId === null) return
  const { rows } = await findSessionWithUser(app.database.db, { id: sessionId })
  const session = rows[0]
  // Who was logged out may not log out others: the token of an ended session is worth nothing any more.
  if (!session || session.ended_at !== null || app.clock.now() >= session.absolute_expires_at) return
  const reason = reasons[scope]
  const end = await inTransaction(app.database, (tx) => {
    if (scope === 'this') return endOne(app, tx, sessionId, reason)
    return endAll(app, tx, session.user_id, reason, scope === 'others' ? sessionId : undefined)
  })
  announceEnds(app, end)
}
