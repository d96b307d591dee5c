import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { keepAnAdmin } from '../domain/users/keep-admin.ts'
import { takeUser } from '../domain/users/take.ts'
import { setDeletion } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds, type Ended } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import type { Caller } from './authenticate.ts'
import { erase, tellOfEnd } from './delete-user.ts'
import { endAll } from './end-sessions.ts'
import { queueWithin } from './mail-budget.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { type Mail, mailQueued } from './queue-mail.ts'
import { type Attempt, noteWait, throttled } from './throttled.ts'
import { deletionNotice } from './write-mail.ts'

/**
 * A user leaves, by its password. All its sessions end; account and password are gone at once, or, where the setting says
 * so, after a delay in which a login keeps them. The ended sessions stay until they lapse, without address and device once
 * the account is gone, so that its other devices hear why they were logged out.
 * @returns when the account is due to go, in milliseconds since 1970; null: it is gone
 */
export async function deleteAccount(
  app: App,
  act: Act,
  caller: Caller,
  password: string,
  signal?: AbortSignal,
): Promise<number | null> {
  const device = { session: caller.claims.sid, user: caller.claims.sub }
  return throttled(app, act, 'current_password', { device }, (attempt) =>
    judge(app, act, caller, password, signal, attempt),
  )
}

async function judge(
  app: App,
  act: Act,
  caller: Caller,
  password: string,
  signal: AbortSignal | undefined,
  attempt: Attempt,
): Promise<number | null> {
  const { sub, sid } = caller.claims
  const hash = await findPasswordHash(app.database.db, sub)
  const checked = await app.hasher.verify(normalisePassword(password), hash, askerOf(act, sid, signal))
  if (hash === null || !checked.ok) {
    noteAfterwards(app, act, { event: 'password_refused', subject: { kind: 'user', id: sub }, reason: 'deletion' })
    noteWait(app, act, sub, attempt)
    throw new AppError('invalid_password')
  }

  const delay = app.config.deletionDelay
  const { dueAt, end, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, sub)
    const session = await findSessionOfUser(tx, sid, sub)
    // Ended while the password was checked, perhaps because it was changed.
    if (!user || !session || session.ended_at !== null) throw new AppError('token_revoked')
    await attempt.succeed(tx)
    if (delay > 0) return markForDeletion(app, tx, user, app.clock.now() + delay, record)
    record({ event: 'user_deleted', subject: { kind: 'user', id: sub } })
    const end = await erase(app, tx, user)
    return { dueAt: null, end, mails: await tellOfEnd(app, tx, user, act.ip) }
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
  app.log.info({ event: dueAt === null ? 'user_deleted' : 'user_deletion_requested', user: sub })
  return dueAt
}

/** Nobody but its owner can stop it from here on, so it counts as gone for whoever needs an administrator. */
async function markForDeletion(
  app: App,
  tx: Tx,
  user: User,
  dueAt: number,
  record: (event: AuditEvent) => void,
): Promise<{ dueAt: number; end: Ended; mails: Mail[] }> {
  await keepAnAdmin(tx, user)
  await setDeletion(tx, user.id, dueAt)
  // Whoever holds one could take the account along meanwhile.
  await deleteOneTimeTokensOfUser(tx, user.id, ['email_change'])
  record({
    event: 'user_deletion_requested',
    subject: { kind: 'user', id: user.id },
    details: { due_at: toRfc3339(dueAt) },
  })
  const end = await endAll(app, tx, user.id, 'deleted')
  const mails = await queueWithin(app, tx, deletionNotice(app, user, dueAt))
  return { dueAt, end, mails }
}
