import type { App } from '../app.ts'
import { wasMailedJustNow } from '../domain/links/create.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import type { Act } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { inAuditedTransaction } from './audited.ts'
import { pretendMail } from './pretend-mail.ts'
import { queueLink } from './queue-link.ts'
import { mailQueued } from './queue-mail.ts'
import { throttled } from './throttled.ts'

/**
 * Somebody has forgotten a password: the address gets a link, and nobody learns from the answer whether it is known. Who
 * was invited and has no password yet gets the invitation again; a disabled account gets nothing. Whoever asks again, and
 * anybody may, neither floods the owner nor kills the link that the owner is about to open.
 */
export async function forgotPassword(app: App, act: Act, email: string): Promise<void> {
  const later = () => afterTheAnswer(app, () => send(app, act, email))
  return throttled(app, act, 'forgot_password', {}, async () => later())
}

async function send(app: App, act: Act, email: string): Promise<void> {
  const found = await findUserForLogin(app.database.db, email)
  if (!found) return pretendMail(app, act)
  const mails = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, found.id)
    if (user?.email !== email || user.status === 'disabled') return []
    const purpose = found.hash === null ? 'invitation' : 'password_reset'
    if (await wasMailedJustNow(tx, purpose, user, app.clock.now())) return []
    const mails = await queueLink(app, tx, purpose, user, 'forgot', 'mailed')
    if (mails.length > 0) record({ event: 'password_reset_started', subject: { kind: 'user', id: user.id } })
    return mails
  })
  if (mails.length === 0) return pretendMail(app, act)
  mailQueued(app, ...mails)
}
