import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { insertPassword, setPassword } from '../domain/passwords/store.ts'
import { type Device, startSession } from '../domain/sessions/start.ts'
import { createUser } from '../domain/users/create.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { changeUser, setUserStatus } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'
import { type Act, actingAs } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { announceEnds, type Ended, nothingEnded } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { countedRegistration } from './count-outcomes.ts'
import { endAll } from './end-sessions.ts'
import { asOfNow, issueTokens, type Tokens } from './issue-tokens.ts'
import { type Mail, mailQueued, queueMail } from './queue-mail.ts'
import { throttled } from './throttled.ts'
import { addressInUse, linkMail, mayMail } from './write-mail.ts'

export type Registration = {
  email: string
  password: string
  name: string | null
  locale: string | null
  device: Device
  signal?: AbortSignal
}

/**
 * A stranger becomes a user and is logged in. The password is hashed before the transaction opens, and the cheap
 * refusals come before the hash. Where the address must be verified first there are no tokens yet, and whatever tells
 * whether it is known comes by mail.
 * @returns null where the address must be verified first
 */
export async function register(app: App, act: Act, input: Registration): Promise<Tokens | null> {
  return countedRegistration(app, () => throttled(app, act, 'register', {}, () => attempt(app, act, input)))
}

async function attempt(app: App, act: Act, input: Registration): Promise<Tokens | null> {
  const { email, name } = input
  if (app.config.registration !== 'open') {
    const detail = 'Registration is by invitation only; ask an administrator for one.'
    throw new AppError('registration_closed', app.config.registration === 'invite' ? { detail } : {})
  }
  const password = checkPassword(input.password, { minLength: app.config.passwordMinLength, email, name })
  if (app.config.emailVerification === 'required') {
    const hash = await app.hasher.hash(password, input.signal)
    afterTheAnswer(app, () => registerQuietly(app, act, input, hash))
    return null
  }
  const found = await findUserForLogin(app.database.db, email)
  if (found && !isReplaceable(found)) throw taken()
  const hash = await app.hasher.hash(password, input.signal)
  return registerAtOnce(app, act, input, hash, found?.id ?? null)
}

async function registerAtOnce(
  app: App,
  act: Act,
  input: Registration,
  hash: string,
  formerId: string | null,
): Promise<Tokens> {
  const { device } = input
  const now = app.clock.now()
  const fresh = newId(now)
  const by = actingAs(act, formerId ?? fresh)
  const { user, session, end, mail } = await inAuditedTransaction(app, by, async (tx, record) => {
    const { user, end } = await makeOrReplace(app, tx, formerId, fresh, input, hash, 'active', now)
    const session = await startSession(tx, user.id, device, sessionLife(app), now)
    const subject = { kind: 'user' as const, id: user.id }
    record({ event: 'user_registered', subject, details: { session: session.id }, personal: personalFrom(input) })
    // Where mail goes out at all, the address is asked, though nothing waits for its answer.
    const mail = app.mail.smtp === null ? null : await askAddress(app, tx, user, now)
    return { user, session, end, mail }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? taken() : error
  })
  announceEnds(app, end)
  if (mail) mailQueued(app, mail)
  app.log.info({ event: 'user_registered', user: user.id, session: session.id })
  const life = { createdAt: now, expiresAt: session.idle_expires_at }
  // A registration that was replaced has ended with all that was given for it; this one began after that.
  return issueTokens(app, { grant: 'register', id: session.id, generation: 0, ...life }, user, asOfNow(app))
}

const rounds = 3

/** After an answer that is the same for all: a new address is asked to confirm, and the owner of a known one is told. */
async function registerQuietly(app: App, act: Act, input: Registration, hash: string): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      return await registerOrTell(app, act, input, hash)
    } catch (error) {
      // Somebody else was faster with the same address: another look finds it.
      const again =
        app.database.dialect.isDuplicate(error) || (error instanceof AppError && error.code === 'email_taken')
      if (!again || round === rounds) throw error
    }
  }
}

async function registerOrTell(app: App, act: Act, input: Registration, hash: string): Promise<void> {
  const { email } = input
  const now = app.clock.now()
  const fresh = newId(now)
  const { end, mail } = await inAuditedTransaction(app, act, async (tx, record) => {
    if (!(await mayMail(app, tx, email))) return { end: nothingEnded, mail: null }
    const found = await findUserForLogin(tx, email)
    if (found && !isReplaceable(found)) {
      const mail = addressInUse(app, found)
      await queueMail(app, tx, mail)
      record({ event: 'registration_refused', subject: { kind: 'user', id: found.id }, reason: 'address_in_use' })
      return { end: nothingEnded, mail }
    }
    const { user, end } = await makeOrReplace(app, tx, found?.id ?? null, fresh, input, hash, 'pending', now)
    record({ event: 'user_registered', subject: { kind: 'user', id: user.id }, personal: personalFrom(input) })
    return { end, mail: await askAddress(app, tx, user, now) }
  })
  announceEnds(app, end)
  if (mail) mailQueued(app, mail)
}

async function askAddress(app: App, tx: Tx, user: User, now: number): Promise<Mail> {
  const token = await createOneTimeToken(tx, 'email_verification', user, now, true)
  const mail = linkMail(app, 'email_verification', user, token)
  await queueMail(app, tx, mail)
  return mail
}

type Found = { status: User['status']; hash: string | null; email_verified: number }

/** Registered, and never confirmed. An invitation is not: what an administrator gave belongs to whoever accepts it. */
function isReplaceable({ status, hash, email_verified }: Found): boolean {
  return status === 'pending' && hash !== null && email_verified === 0
}

/** Nobody has shown that the address is its own: the newest registration counts, and nothing of the older one stays. */
async function makeOrReplace(
  app: App,
  tx: Tx,
  formerId: string | null,
  id: string,
  { email, name, locale }: Registration,
  hash: string,
  status: 'active' | 'pending',
  now: number,
): Promise<{ user: User; end: Ended }> {
  if (formerId === null) {
    const user = await createUser(tx, { id, email, name, locale, roles: [], status }, now)
    await insertPassword(tx, id, hash, now)
    return { user, end: nothingEnded }
  }
  const former = await takeUser(tx, formerId)
  // Confirmed, or changed by an administrator, since it was looked at.
  if (former?.status !== 'pending' || former.emailVerified || former.email !== email) throw taken()
  await setPassword(tx, formerId, hash, now)
  await changeUser(tx, formerId, { name, locale }, now)
  if (status === 'active') await setUserStatus(tx, formerId, status, now)
  await deleteOneTimeTokensOfUser(tx, formerId)
  const end = await endAll(app, tx, formerId, 'password_changed')
  return { user: { ...former, name, locale, status, updatedAt: now }, end }
}

export function sessionLife(app: App) {
  return { idle: app.config.sessionIdleTtl, absolute: app.config.sessionAbsoluteTtl }
}

/** What a device says about its owner. */
export function personalOf({ userAgent, name }: Device) {
  return { ...(userAgent !== null && { user_agent: userAgent }), ...(name !== null && { device_name: name }) }
}

function personalFrom({ email, name, device }: Registration) {
  return { email, ...personalOf(device), ...(name !== null && { name }) }
}

function taken(): AppError {
  return new AppError('email_taken')
}
