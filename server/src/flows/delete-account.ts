import type { App } from '../app.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { findSessionOfUser } from '../domain/sessions/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import type { Caller } from './authenticate.ts'
import { erase } from './delete-user.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { type Attempt, noteWait, throttled } from './throttled.ts'

/**
 * A user leaves, by its password: account and password are gone at once. The ended sessions stay until they lapse,
 * without address and device, so that its other devices hear why they were logged out.
 */
export async function deleteAccount(
  app: App,
  act: Act,
  caller: Caller,
  password: string,
  signal?: AbortSignal,
): Promise<void> {
  return throttled(app, act, 'current_password', { device: caller.claims.sid }, (attempt) =>
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
): Promise<void> {
  const { sub, sid } = caller.claims
  const hash = await findPasswordHash(app.database.db, sub)
  const checked = await app.hasher.verify(normalisePassword(password), hash, signal)
  if (hash === null || !checked.ok) {
    noteAfterwards(app, act, { event: 'password_refused', subject: { kind: 'user', id: sub }, reason: 'deletion' })
    noteWait(app, act, sub, attempt)
    throw new AppError('invalid_password')
  }

  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, sub)
    const session = await findSessionOfUser(tx, sid, sub)
    // Ended while the password was checked, perhaps because it was changed.
    if (!user || !session || session.ended_at !== null) throw new AppError('token_revoked')
    await attempt.succeed(tx)
    record({ event: 'user_deleted', subject: { kind: 'user', id: sub } })
    return erase(app, tx, user)
  })
  announceEnds(app, end)
  app.log.info({ event: 'user_deleted', user: sub })
}
