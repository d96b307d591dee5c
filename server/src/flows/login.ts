import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { replacePassword } from '../domain/passwords/store.ts'
import { type Device, startSession } from '../domain/sessions/start.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { recordLogin } from '../domain/users/update.ts'
import { userOf } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { issueTokens, type Tokens } from './issue-tokens.ts'
import { ChangedMeanwhile, judgeAnew } from './judge-anew.ts'
import { sessionLife } from './register.ts'

export type Login = { email: string; password: string; device: Device; signal?: AbortSignal }

/**
 * A user proves who it is and gets a session. An unknown address costs the same hashing in the same queue as a known
 * one, and no connection is held meanwhile.
 */
export async function login(app: App, input: Login): Promise<Tokens> {
  const password = normalisePassword(input.password)
  return judgeAnew(() => attempt(app, { ...input, password }))
}

async function attempt(app: App, { email, password, device, signal }: Login): Promise<Tokens> {
  const found = await findUserForLogin(app.database.db, email)
  const checked = await app.hasher.verify(password, found?.hash ?? null, signal)
  if (!found?.hash || !checked.ok) {
    app.log.info({ event: 'login_failed', user: found?.id })
    throw new AppError('invalid_credentials')
  }
  if (found.status !== 'active') throw new AppError('account_disabled')
  const { hash } = found

  const now = app.clock.now()
  const { user, session } = await inTransaction(app.database, async (tx) => {
    // Takes the user's row first, as whoever changes the password or the status does: a session that an old password
    // opens cannot slip in behind the change that ends the others.
    await recordLogin(tx, found.id, now)
    const still = await findUserForLogin(tx, email)
    if (still?.id !== found.id || still.hash !== hash || still.status !== 'active') throw new ChangedMeanwhile()
    // As it is now: its roles may have changed while the password was hashed.
    return { user: userOf(still), session: await startSession(tx, still.id, device, sessionLife(app), now) }
  })
  app.log.info({ event: 'login', user: user.id, session: session.id })
  if (checked.rehash) app.later(() => rehash(app, user.id, password, hash))
  const subject = { id: session.id, generation: 0, createdAt: now, expiresAt: session.idle_expires_at }
  return issueTokens(app, subject, user, now)
}

/** After the answer, so that nobody can read the old format from the time it took. */
async function rehash(app: App, userId: string, password: string, former: string): Promise<void> {
  const hash = await app.hasher.hash(password)
  await replacePassword(app.database.db, userId, former, hash)
}
