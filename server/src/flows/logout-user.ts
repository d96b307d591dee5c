import type { App } from '../app.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { findSessionOfUser, findSessionRow } from '../domain/sessions/store.ts'
import { findUser } from '../domain/users/find.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endAll, endOne, recordSessionsEnded } from './end-sessions.ts'

/** An administrator or the operator ends every session of a user. */
export async function logoutUser(app: App, act: Act, id: string): Promise<void> {
  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    if (!(await findUser(tx, id))) throw new AppError('not_found')
    await deleteOneTimeTokensOfUser(tx, id, ['email_change'])
    const end = await endAll(app, tx, id, 'admin')
    recordSessionsEnded(record, id, 'admin', end)
    return end
  })
  announceEnds(app, end)
}

/** An administrator or the operator ends one session. @param userId whose it must be, or null for whosesoever */
export async function endSessionFor(app: App, act: Act, userId: string | null, id: string): Promise<void> {
  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    const session = userId === null ? await findSessionRow(tx, id) : await findSessionOfUser(tx, id, userId)
    if (!session) throw new AppError('not_found')
    const end = await endOne(app, tx, id, 'admin')
    if (end.ends.length > 0) {
      record({ event: 'session_ended', subject: { kind: 'session', id }, user: session.user_id, reason: 'admin' })
    }
    return end
  })
  announceEnds(app, end)
}
