import type { App } from '../app.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { recordRevocations } from '../domain/revocations/record.ts'
import { differenceFrom } from '../domain/users/difference.ts'
import { findUser } from '../domain/users/find.ts'
import { adminRole, keepAnAdmin } from '../domain/users/keep-admin.ts'
import { takeUser } from '../domain/users/take.ts'
import { changeUser, setUserStatus, type UserChange } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds, announceRevocations, nothingEnded } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { giveWay } from './give-way.ts'
import { mailQueued, queueMail } from './queue-mail.ts'
import { revokedSpan } from './revoked-span.ts'
import { addressNotice } from './write-mail.ts'

/**
 * An administrator or the operator changes somebody's account. With other roles the access tokens that speak of the
 * former ones are revoked; the sessions go on, and their next tokens speak of the new ones. A former address is told of
 * the new one. What is so already changes nothing.
 */
export async function changeUserFor(app: App, act: Act, id: string, wanted: UserChange): Promise<User> {
  const { user, revocations, mails, end } = await inAuditedTransaction(app, act, async (tx, record) => {
    const former = await takeUser(tx, id)
    if (!former) throw new AppError('not_found')
    // Only now that nobody reads the former roles any more but who has begun to.
    const now = app.clock.now()
    const movesAway = wanted.email !== undefined && wanted.email !== former.email
    // Nobody has shown yet that the new address is the user's.
    const change = differenceFrom(former, { ...(movesAway && { emailVerified: false }), ...wanted })
    if (Object.keys(change).length === 0) return { user: former, revocations: [], mails: [], end: nothingEnded }
    if (change.roles && !change.roles.includes(adminRole)) await keepAnAdmin(tx, former)
    const end = movesAway ? await giveWay(app, tx, wanted.email!, record) : nothingEnded
    await changeUser(tx, id, change, now)
    if (movesAway) await deleteOneTimeTokensOfUser(tx, id)
    const mails = movesAway ? [addressNotice(app, 'email-changed', former, wanted.email!)] : []
    for (const mail of mails) await queueMail(app, tx, mail)
    // It waited for nothing but this.
    if (change.emailVerified && former.status === 'pending' && (await findPasswordHash(tx, id)) !== null) {
      await setUserStatus(tx, id, 'active', now)
    }

    const subject = { kind: 'user' as const, id }
    const fields = Object.keys(change).filter((field) => field !== 'roles')
    if (fields.length > 0) record({ event: 'user_updated', subject, details: { fields: fields.join(' ') } })
    if (change.roles) {
      const details = { before: former.roles.join(' '), after: change.roles.join(' ') }
      record({ event: 'user_roles_changed', subject, details })
    }
    const revocations = change.roles
      ? await recordRevocations(tx, 'roles', [former.rolesId], 'roles_changed', revokedSpan(now), now)
      : []
    return { user: (await findUser(tx, id))!, revocations, mails, end }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? new AppError('email_taken') : error
  })
  announceEnds(app, end)
  announceRevocations(app, revocations)
  mailQueued(app, ...mails)
  return user
}
