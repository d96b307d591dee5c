import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
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
import { forgetMailTo, queueWithin } from './mail-budget.ts'
import { type Mail, mailQueued } from './queue-mail.ts'
import { noticeMail } from './write-mail.ts'

/** An administrator deletes an account, at once and for good. */
export async function deleteUserFor(app: App, act: Act, id: string): Promise<void> {
  const { end, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    record({ event: 'user_deleted', subject: { kind: 'user', id } })
    const end = await erase(app, tx, user)
    return { end, mails: await tellOfEnd(app, tx, user, null) }
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
}

/** The last mail that an account causes, in case its owner did not want it gone. @param ip of the owner, or who is taken for it */
export async function tellOfEnd(app: App, tx: Tx, user: User, ip: string | null): Promise<Mail[]> {
  if (user.status === 'pending') return []
  return queueWithin(app, tx, noticeMail(app, 'account-deleted', user, { ip }))
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
  await forgetMailTo(app, tx, user.email)
  const end = await endAll(app, tx, user.id, reason)
  await blankSessionRowsOfUser(tx, user.id)
  return end
}
