import type { App } from '../app.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import type { Act } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { inAuditedTransaction } from './audited.ts'
import { mailQueued, queueMail } from './queue-mail.ts'
import { throttled } from './throttled.ts'
import { linkMail, mayMail } from './write-mail.ts'

/**
 * Somebody has forgotten a password: the address gets a link, and nobody learns from the answer whether it is known. Who
 * was invited and has no password yet gets the invitation again; a disabled account gets nothing.
 */
export async function forgotPassword(app: App, act: Act, email: string): Promise<void> {
  const later = () => afterTheAnswer(app, () => send(app, act, email))
  return throttled(app, act, 'forgot_password', { subject: email }, async () => later())
}

async function send(app: App, act: Act, email: string): Promise<void> {
  const found = await findUserForLogin(app.database.db, email)
  if (!found) return
  const mail = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, found.id)
    if (user?.email !== email || user.status === 'disabled' || !(await mayMail(app, tx, email))) return null
    const purpose = found.hash === null ? 'invitation' : 'password_reset'
    const token = await createOneTimeToken(tx, purpose, user, app.clock.now(), true)
    const mail = linkMail(app, purpose, user, token)
    await queueMail(app, tx, mail)
    record({ event: 'password_reset_started', subject: { kind: 'user', id: user.id } })
    return mail
  })
  if (mail) mailQueued(app, mail)
}
