import type { App } from '../app.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endOne } from './end-sessions.ts'

/**
 * A user shows one of its devices out; its own, too.
 * @throws AppError `not_found` also when the session is somebody else's
 */
export async function endOwnSession(app: App, act: Act, userId: string, currentId: string, id: string): Promise<void> {
  const reason = id === currentId ? 'logout' : 'logout_others'
  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    if (!(await findSessionOfUser(tx, id, userId))) throw new AppError('not_found')
    const end = await endOne(app, tx, id, reason)
    if (end.ends.length > 0) record({ event: 'session_ended', subject: { kind: 'session', id }, user: userId, reason })
    return end
  })
  announceEnds(app, end)
}
