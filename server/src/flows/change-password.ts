import type { App } from '../app.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { findPasswordHash, replacePassword } from '../domain/passwords/store.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { findUserById, updateUser } from '../domain/users/store.ts'
import { userOf } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds, nothingEnded } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import type { Caller } from './authenticate.ts'
import { endAll, recordSessionsEnded } from './end-sessions.ts'
import { asOfNow, issueTokens, type Tokens } from './issue-tokens.ts'
import { ChangedMeanwhile, judgeAnew } from './judge-anew.ts'
import { withLivingRoles } from './living-roles.ts'
import { queueWithin } from './mail-budget.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { mailQueued } from './queue-mail.ts'
import { type Attempt, noteWait, throttled } from './throttled.ts'
import { noticeMail } from './write-mail.ts'

export type PasswordChange = {
  currentPassword: string
  newPassword: string
  endOtherSessions: boolean
  signal?: AbortSignal
}

/**
 * The current password buys a new one, and the other sessions and one-time links end with the old one. The session that
 * stays keeps its generation: only a refresh rotates.
 */
export async function changePassword(app: App, act: Act, caller: Caller, input: PasswordChange): Promise<Tokens> {
  const device = { session: caller.claims.sid, user: caller.claims.sub }
  return throttled(app, act, 'current_password', { device }, (attempt) =>
    judgeAnew(() => judge(app, act, caller, input, attempt)),
  )
}

async function judge(app: App, act: Act, caller: Caller, input: PasswordChange, attempt: Attempt): Promise<Tokens> {
  const { sub, sid } = caller.claims
  const asker = askerOf(act, sid, input.signal)
  const asOf = asOfNow(app)
  const row = await findUserById(app.database.db, sub)
  const former = await findPasswordHash(app.database.db, sub)
  if (!row) throw new AppError('token_revoked')
  const password = checkPassword(input.newPassword, {
    minLength: app.config.passwordMinLength,
    email: row.email,
    name: row.name,
    pointer: '/new_password',
  })
  const checked = await app.hasher.verify(normalisePassword(input.currentPassword, '/current_password'), former, asker)
  if (former === null || !checked.ok) {
    noteAfterwards(app, act, {
      event: 'password_refused',
      subject: { kind: 'user', id: sub },
      reason: 'password_change',
    })
    noteWait(app, act, sub, attempt)
    throw new AppError('invalid_password')
  }
  const hash = await app.hasher.hash(password, asker)

  const now = app.clock.now()
  const { end, session, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
    const there = await updateUser(tx, sub, { updated_at: now })
    const session = await findSessionOfUser(tx, sid, sub)
    if (!there || !session || session.ended_at !== null) throw new AppError('token_revoked')
    if (!(await replacePassword(tx, sub, former, hash, now))) throw new ChangedMeanwhile()
    // Whoever holds a link that was asked for earlier could take the account back.
    await attempt.succeed(tx)
    await deleteOneTimeTokensOfUser(tx, sub, ['invitation', 'password_reset', 'email_change'])
    const end = input.endOtherSessions ? await endAll(app, tx, sub, 'password_changed', sid) : nothingEnded
    record({ event: 'password_changed', subject: { kind: 'user', id: sub }, details: { session: sid } })
    recordSessionsEnded(record, sub, 'password_changed', end, sid)
    const mails = await queueWithin(app, tx, noticeMail(app, 'password-changed', userOf(row), act))
    return { end, session, mails }
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
  app.log.info({ event: 'password_changed', user: sub, session: sid })
  const expiresAt = Math.min(session.idle_expires_at, session.absolute_expires_at)
  const life = { createdAt: session.created_at, expiresAt }
  const subject = { grant: 'password_change' as const, id: sid, generation: session.generation, ...life }
  const user = await withLivingRoles(app, { ...userOf(row), updatedAt: now })
  return issueTokens(app, subject, user, asOf)
}
