import type { App } from '../app.ts'
import type { Db, Tx } from '../database/connect.ts'
import { readOneTimeToken, redeemOneTimeToken } from '../domain/links/redeem.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { setPassword } from '../domain/passwords/store.ts'
import { findUser } from '../domain/users/find.ts'
import { takeUser } from '../domain/users/take.ts'
import { changeUser, setUserStatus } from '../domain/users/update.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import { byToken } from './by-token.ts'
import { countedReset } from './count-outcomes.ts'
import { endAll } from './end-sessions.ts'
import { queueWithin } from './mail-budget.ts'
import { mailQueued } from './queue-mail.ts'
import { believeNoRefusal, forgetGuesses } from './unlock-user.ts'
import { noticeMail } from './write-mail.ts'

export type PasswordReset = { token: string; newPassword: string; signal?: AbortSignal }

/**
 * Who has the link of an invitation or a reset chooses the password; once. No session is opened, and those there are
 * end. A password that is refused leaves the link as it was.
 * @throws AppError `invalid_one_time_token`, whatever is wrong with it
 */
export async function resetPassword(app: App, act: Act, input: PasswordReset): Promise<void> {
  return countedReset(app, () => byToken(app, act, input.token, () => attempt(app, act, input)))
}

async function attempt(app: App, act: Act, { token, newPassword, signal }: PasswordReset): Promise<void> {
  const { user } = await read(app, app.database.db, token)
  const rules = { minLength: app.config.passwordMinLength, email: user.email, name: user.name }
  const password = checkPassword(newPassword, { ...rules, pointer: '/new_password' })
  const hash = await app.hasher.hash(password, askerOf(act, null, signal))

  const { end, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
    // The user's row before the token, as whoever makes a newer token does.
    await takeUser(tx, user.id)
    const { row, user: still } = await read(app, tx, token)
    const now = app.clock.now()
    if (!(await redeemOneTimeToken(tx, row, now))) throw new AppError('invalid_one_time_token')
    await setPassword(tx, user.id, hash, now)
    // An invitation is accepted by this.
    if (still.status === 'pending') await setUserStatus(tx, user.id, 'active', now)
    // Whoever gets the mails of the account need not wait because of what others tried.
    await forgetGuesses(app, tx, still)
    // Whoever got it by mail has the address.
    if (row.mailed === 1) await changeUser(tx, user.id, { emailVerified: true }, now)
    await deleteOneTimeTokensOfUser(tx, user.id, ['email_change'])
    record({ event: 'password_reset', subject: { kind: 'user', id: user.id } })
    const end = await endAll(app, tx, user.id, 'password_changed')
    const notice = noticeMail(app, 'password-changed', still, act)
    return { end, mails: row.purpose === 'password_reset' ? await queueWithin(app, tx, notice) : [] }
  })
  announceEnds(app, end)
  believeNoRefusal(app, user)
  mailQueued(app, ...mails)
}

async function read(app: App, db: Db | Tx, token: string) {
  const row = await readOneTimeToken(db, token, ['invitation', 'password_reset'], app.clock.now())
  const user = row && (await findUser(db, row.user_id))
  // Made for an address that the user no longer has, or the account was closed since.
  if (!row || user?.email !== row.email || user.status === 'disabled') throw new AppError('invalid_one_time_token')
  return { row, user }
}
