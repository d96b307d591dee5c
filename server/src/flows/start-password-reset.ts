import type { App } from '../app.ts'
import { createOneTimeToken, type Purpose } from '../domain/links/create.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { linkOf, type OneTimeLink } from './one-time-link.ts'
import { mailQueued, queueMail } from './queue-mail.ts'
import { linkMail, travelsByMail } from './write-mail.ts'

/**
 * A user is to choose a new password: nobody else ever knows it. The former one works until then. Who was invited and
 * has none yet gets a new invitation.
 * @returns null where it was mailed
 */
export async function startPasswordReset(app: App, act: Act, id: string): Promise<OneTimeLink | null> {
  const byMail = travelsByMail(app, act)
  const { token, purpose, mail } = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (user.status === 'disabled') throw new AppError('account_disabled', { detail: 'Enable the account first.' })
    const hasPassword = (await findPasswordHash(tx, id)) !== null
    const purpose: Purpose = hasPassword ? 'password_reset' : 'invitation'
    record({ event: 'password_reset_started', subject: { kind: 'user', id } })
    const token = await createOneTimeToken(tx, purpose, user, app.clock.now(), byMail)
    const mail = byMail ? linkMail(app, purpose, user, token) : null
    if (mail) await queueMail(app, tx, mail)
    return { token, purpose, mail }
  })
  if (mail) mailQueued(app, mail)
  return mail ? null : linkOf(app, purpose, token)
}
