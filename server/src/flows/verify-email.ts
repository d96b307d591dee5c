import type { App } from '../app.ts'
import { wasMailedJustNow } from '../domain/links/create.ts'
import { readOneTimeToken, redeemOneTimeToken } from '../domain/links/redeem.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { askAgain, changeUser, setUserStatus } from '../domain/users/update.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { inAuditedTransaction } from './audited.ts'
import { byToken } from './by-token.ts'
import { pretendMail } from './pretend-mail.ts'
import { queueLink } from './queue-link.ts'
import { mailQueued } from './queue-mail.ts'
import { throttled } from './throttled.ts'

/**
 * Who has the link shows that the address is the user's; an account that waited for this opens.
 * @throws AppError `invalid_one_time_token`, whatever is wrong with it
 */
export async function verifyEmail(app: App, act: Act, token: string): Promise<void> {
  return byToken(app, act, token, () => redeem(app, act, token))
}

async function redeem(app: App, act: Act, token: string): Promise<void> {
  const now = app.clock.now()
  const seen = await readOneTimeToken(app.database.db, token, ['email_verification'], now)
  if (!seen) throw new AppError('invalid_one_time_token')
  await inAuditedTransaction(app, act, async (tx, record) => {
    // The user's row before the token, as whoever makes a newer token does.
    const user = await takeUser(tx, seen.user_id)
    const row = await readOneTimeToken(tx, token, ['email_verification'], now)
    const isGood = row && user?.email === row.email && user.status !== 'disabled'
    if (!isGood || !(await redeemOneTimeToken(tx, row, now))) throw new AppError('invalid_one_time_token')
    await changeUser(tx, user.id, { emailVerified: true }, now)
    if (user.status === 'pending') await setUserStatus(tx, user.id, 'active', now)
    record({ event: 'email_verified', subject: { kind: 'user', id: user.id } })
  })
}

/** Another link for an address that is not verified yet; nobody learns from the answer whether there is one. */
export async function resendVerification(app: App, act: Act, email: string): Promise<void> {
  const later = () => afterTheAnswer(app, () => send(app, act, email))
  return throttled(app, act, 'resend_verification', {}, async () => later())
}

async function send(app: App, act: Act, email: string): Promise<void> {
  const found = await findUserForLogin(app.database.db, email)
  if (!found) return pretendMail(app, act)
  const mails = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, found.id)
    // Who was invited verifies the address by accepting.
    const isWaiting = user?.email === email && !user.emailVerified && user.status !== 'disabled' && found.hash !== null
    const now = app.clock.now()
    if (!isWaiting || (await wasMailedJustNow(tx, 'email_verification', user, now))) return []
    const mails = await queueLink(app, tx, 'email_verification', user, 'resend')
    if (mails.length === 0) return []
    if (user.unconfirmedSince !== null) await askAgain(tx, user.id, now)
    record({ event: 'email_verification_sent', subject: { kind: 'user', id: user.id } })
    return mails
  })
  if (mails.length === 0) return pretendMail(app, act)
  mailQueued(app, ...mails)
}
