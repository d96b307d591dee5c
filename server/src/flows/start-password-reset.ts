import type { App } from '../app.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { takeUser } from '../domain/users/take.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { linkOf, type OneTimeLink } from './one-time-link.ts'

/**
 * A user is to choose a new password: nobody else ever knows it. The former one works until then. Who was invited and
 * has none yet gets a new invitation.
 */
export async function startPasswordReset(app: App, act: Act, id: string): Promise<OneTimeLink> {
  const token = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (user.status === 'disabled') throw new AppError('account_disabled', { detail: 'Enable the account first.' })
    const purpose = user.status === 'pending' ? 'invitation' : 'password_reset'
    record({ event: 'password_reset_started', subject: { kind: 'user', id } })
    return createOneTimeToken(tx, purpose, user, app.clock.now())
  })
  return linkOf(app, token)
}
