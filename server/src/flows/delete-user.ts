import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { deleteMailTo } from '../domain/outbox/store.ts'
import { deletePassword } from '../domain/passwords/store.ts'
import { blankSessionRowsOfUser } from '../domain/sessions/store.ts'
import { deleteUser } from '../domain/users/delete.ts'
import { keepAnAdmin } from '../domain/users/keep-admin.ts'
import { takeUser } from '../domain/users/take.ts'
import type { User } from '../domain/users/user.ts'
import { AppError, type EndReason } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds, type Ended } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endAll } from './end-sessions.ts'

/** An administrator deletes an account, at once and for good. */
export async function deleteUserFor(app: App, act: Act, id: string): Promise<void> {
  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    record({ event: 'user_deleted', subject: { kind: 'user', id } })
    return erase(app, tx, user)
  })
  announceEnds(app, end)
}

/**
 * Whatever belongs to an account that was taken goes. The ended sessions stay until they lapse, without address and
 * device, so that the user's devices hear why they were logged out.
 */
export async function erase(app: App, tx: Tx, user: User, reason: EndReason = 'deleted'): Promise<Ended> {
  await keepAnAdmin(tx, user)
  await deleteUser(tx, user.id)
  await deletePassword(tx, user.id)
  await deleteOneTimeTokensOfUser(tx, user.id)
  await deleteMailTo(tx, user.email)
  const end = await endAll(app, tx, user.id, reason)
  await blankSessionRowsOfUser(tx, user.id)
  return end
}
