import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { AppError } from '../errors.ts'
import { announceEnds } from './announce-ends.ts'
import { endOne } from './end-sessions.ts'

/**
 * A user shows one of its devices out; its own, too.
 * @throws AppError `not_found` also when the session is somebody else's
 */
export async function endOwnSession(app: App, userId: string, currentId: string, id: string): Promise<void> {
  const reason = id === currentId ? 'logout' : 'logout_others'
  const end = await inTransaction(app.database, async (tx) => {
    if (!(await findSessionOfUser(tx, id, userId))) throw new AppError('not_found')
    return endOne(app, tx, id, reason)
  })
  announceEnds(app, end)
}
