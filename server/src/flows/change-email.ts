import type { App } from '../app.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { readOneTimeToken, redeemOneTimeToken } from '../domain/links/redeem.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { findUser } from '../domain/users/find.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { changeUser } from '../domain/users/update.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { announceEnds } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import type { Caller } from './authenticate.ts'
import { byToken } from './by-token.ts'
import { giveWay, isUnconfirmed } from './give-way.ts'
import { queueWithin } from './mail-budget.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { queueLink } from './queue-link.ts'
import { mailQueued } from './queue-mail.ts'
import { type Attempt, noteWait, throttled } from './throttled.ts'
import { addressInUse, addressNoticeByUser } from './write-mail.ts'

export type EmailChange = { newEmail: string; password: string; signal?: AbortSignal }

/**
 * A user wants another address: it gets a link that confirms the change, and the present address is told. Whether
 * somebody else has the new one is told to nobody but its owner.
 */
export async function startEmailChange(app: App, act: Act, caller: Caller, input: EmailChange): Promise<void> {
  const { sub, sid } = caller.claims
  return throttled(app, act, 'change_email', { subject: sub }, () =>
    throttled(app, act, 'current_password', { device: { session: sid, user: sub } }, (attempt) =>
      judge(app, act, caller, input, attempt),
    ),
  )
}

async function judge(app: App, act: Act, caller: Caller, input: EmailChange, attempt: Attempt): Promise<void> {
  const { sub } = caller.claims
  const user = await findUser(app.database.db, sub)
  if (user?.status !== 'active') throw new AppError('token_revoked')
  if (user.email === input.newEmail) {
    const detail = 'This is your address already.'
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/new_email', code: 'same', detail }] })
  }
  const hash = await findPasswordHash(app.database.db, sub)
  const checked = await app.hasher.verify(
    normalisePassword(input.password),
    hash,
    askerOf(act, caller.claims.sid, input.signal),
  )
  if (hash === null || !checked.ok) {
    noteAfterwards(app, act, { event: 'password_refused', subject: { kind: 'user', id: sub }, reason: 'email_change' })
    noteWait(app, act, sub, attempt)
    throw new AppError('invalid_password')
  }
  afterTheAnswer(app, () => tellBoth(app, act, caller, input.newEmail))
}

async function tellBoth(app: App, act: Act, { claims }: Caller, newEmail: string): Promise<void> {
  const mails = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, claims.sub)
    const session = await findSessionOfUser(tx, claims.sid, claims.sub)
    if (user?.status !== 'active' || !session || session.ended_at !== null) return []
    const found = await findUserForLogin(tx, newEmail)
    const owner = found && !isUnconfirmed(found) ? found : undefined
    const mails = await queueWithin(app, tx, addressNoticeByUser(app, 'email-change-started', user, newEmail))
    const at = { ...user, email: newEmail, emailVerified: false }
    if (owner) {
      const told = await queueWithin(app, tx, addressInUse(app, owner), 'change_email')
      // A link that nobody gets: what is kept of a change that was begun, and the user may look at, tells nothing either.
      if (told.length > 0) await createOneTimeToken(tx, 'email_change', at, app.clock.now(), true)
      mails.push(...told)
    } else mails.push(...(await queueLink(app, tx, 'email_change', at, 'change_email')))
    record({ event: 'email_change_started', subject: { kind: 'user', id: user.id } })
    return mails
  })
  mailQueued(app, ...mails)
}

/**
 * The new address answers, and from then on it is the user's; the former one is told.
 * @throws AppError `invalid_one_time_token`, whatever is wrong with it, also when somebody else has the address by now
 */
export async function confirmEmailChange(app: App, act: Act, token: string): Promise<void> {
  return byToken(app, act, token, () => confirm(app, act, token))
}

async function confirm(app: App, act: Act, token: string): Promise<void> {
  const now = app.clock.now()
  const seen = await readOneTimeToken(app.database.db, token, ['email_change'], now)
  if (!seen) throw new AppError('invalid_one_time_token')
  const { mails, end } = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, seen.user_id)
    const row = await readOneTimeToken(tx, token, ['email_change'], now)
    if (!row || user?.status !== 'active' || !(await redeemOneTimeToken(tx, row, now))) {
      throw new AppError('invalid_one_time_token')
    }
    const end = await giveWay(app, tx, row.email, record)
    await changeUser(tx, user.id, { email: row.email, emailVerified: true }, now)
    // Those for the former address, which is no longer the user's.
    await deleteOneTimeTokensOfUser(tx, user.id)
    const mails = await queueWithin(app, tx, addressNoticeByUser(app, 'email-changed', user, row.email))
    record({ event: 'email_changed', subject: { kind: 'user', id: user.id } })
    return { mails, end }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? new AppError('invalid_one_time_token') : error
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
}
