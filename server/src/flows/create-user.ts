import type { App } from '../app.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { insertPassword } from '../domain/passwords/store.ts'
import { createUser, type NewUser } from '../domain/users/create.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'
import type { Act } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import { giveWay, isUnconfirmed } from './give-way.ts'
import { linkOf, type OneTimeLink } from './one-time-link.ts'
import { mailQueued, queueMail } from './queue-mail.ts'
import { linkMail, travelsByMail } from './write-mail.ts'

/** `invitation` is null where there is none, and where it was mailed. */
export type Invited = { user: User; invitation: OneTimeLink | null }

/**
 * An administrator or the operator makes a user. Without a password it is an invitation: the user is pending until it
 * has chosen one by the link.
 */
export async function createUserFor(
  app: App,
  act: Act,
  wanted: Omit<NewUser, 'id' | 'status'>,
  password: string | null,
  signal?: AbortSignal,
): Promise<Invited> {
  const { email, name } = wanted
  const rules = { minLength: app.config.passwordMinLength, email, name }
  const accepted = password === null ? null : checkPassword(password, rules)
  const found = await findUserForLogin(app.database.db, email)
  if (found && !isUnconfirmed(found)) throw new AppError('email_taken')
  const hash = accepted === null ? null : await app.hasher.hash(accepted, askerOf(act, null, signal))

  const now = app.clock.now()
  const id = newId(now)
  const byMail = travelsByMail(app, act)
  const status = hash === null ? 'pending' : 'active'
  const made = await inAuditedTransaction(app, act, async (tx, record) => {
    const end = await giveWay(app, tx, email, record)
    const user = await createUser(tx, { ...wanted, id, status }, now)
    if (hash !== null) await insertPassword(tx, id, hash, now)
    const token = hash === null ? await createOneTimeToken(tx, 'invitation', user, now, byMail) : null
    const mail = token && byMail ? linkMail(app, 'invitation', user, token) : null
    if (mail) await queueMail(app, tx, mail)
    const details = { roles: wanted.roles.join(' ') }
    record({ event: 'user_created', subject: { kind: 'user', id }, details, personal: { email } })
    return { user, token, mail, end }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? new AppError('email_taken') : error
  })
  announceEnds(app, made.end)
  if (made.mail) mailQueued(app, made.mail)
  const shown = made.mail ? null : made.token
  return { user: made.user, invitation: shown && linkOf(app, 'invitation', shown) }
}
