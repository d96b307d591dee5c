import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { insertPassword } from '../domain/passwords/store.ts'
import { type Device, startSession } from '../domain/sessions/start.ts'
import { createUser } from '../domain/users/create.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'
import { type Act, actingAs } from './acting.ts'
import { afterTheAnswer } from './after-the-answer.ts'
import { announceEnds, type Ended, nothingEnded } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import { countedRegistration } from './count-outcomes.ts'
import { giveWay, isUnconfirmed } from './give-way.ts'
import { asOfNow, issueTokens, type Tokens } from './issue-tokens.ts'
import { queueWithin } from './mail-budget.ts'
import { queueLink } from './queue-link.ts'
import { mailQueued } from './queue-mail.ts'
import { throttled } from './throttled.ts'
import { addressInUse } from './write-mail.ts'

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
  return countedRegistration(app, async () => {
    // Before the call is counted: whoever is sent away has used nothing up.
    app.hasher.admit(askerOf(act, null, input.signal))
    return throttled(app, act, 'register', {}, () => attempt(app, act, input))
  })
}

async function attempt(app: App, act: Act, input: Registration): Promise<Tokens | null> {
  const { email, name } = input
  if (app.config.registration !== 'open') {
    const detail = 'Registration is by invitation only; ask an administrator for one.'
    throw new AppError('registration_closed', app.config.registration === 'invite' ? { detail } : {})
  }
  const password = checkPassword(input.password, { minLength: app.config.passwordMinLength, email, name })
  if (app.config.emailVerification === 'required') {
    const hash = await app.hasher.hash(password, askerOf(act, null, input.signal))
    afterTheAnswer(app, () => registerQuietly(app, act, input, hash))
    return null
  }
  const found = await findUserForLogin(app.database.db, email)
  if (found && !isUnconfirmed(found)) throw taken()
  const hash = await app.hasher.hash(password, askerOf(act, null, input.signal))
  return registerAtOnce(app, act, input, hash)
}

async function registerAtOnce(app: App, act: Act, input: Registration, hash: string): Promise<Tokens> {
  const { device } = input
  const now = app.clock.now()
  const fresh = newId(now)
  const { user, session, end, mails } = await inAuditedTransaction(app, actingAs(act, fresh), async (tx, record) => {
    const { user, end } = await replaceOrMake(app, tx, fresh, input, hash, 'active', now, record)
    const session = await startSession(tx, user.id, device, sessionLife(app), now)
    const subject = { kind: 'user' as const, id: user.id }
    record({ event: 'user_registered', subject, details: { session: session.id }, personal: personalFrom(input) })
    // Where mail goes out at all, the address is asked, though nothing waits for its answer.
    const mails = app.mail.smtp === null ? [] : await queueLink(app, tx, 'email_verification', user, 'register')
    return { user, session, end, mails }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? taken() : error
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
  app.log.info({ event: 'user_registered', user: user.id, session: session.id })
  const life = { createdAt: now, expiresAt: session.idle_expires_at }
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
      if (!app.database.dialect.isDuplicate(error) || round === rounds) throw error
    }
  }
}

async function registerOrTell(app: App, act: Act, input: Registration, hash: string): Promise<void> {
  const { email } = input
  const now = app.clock.now()
  const fresh = newId(now)
  const { end, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
    const found = await findUserForLogin(tx, email)
    if (found && !isUnconfirmed(found)) {
      const mails = await queueWithin(app, tx, addressInUse(app, found), 'register')
      if (mails.length > 0)
        record({ event: 'registration_refused', subject: { kind: 'user', id: found.id }, reason: 'address_in_use' })
      return { end: nothingEnded, mails }
    }
    const { user, end } = await replaceOrMake(app, tx, fresh, input, hash, 'pending', now, record)
    record({ event: 'user_registered', subject: { kind: 'user', id: user.id }, personal: personalFrom(input) })
    // Whoever comes after many strangers is registered all the same, and can ask for the link, which has a budget of its own.
    return { end, mails: await queueLink(app, tx, 'email_verification', user, 'register') }
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
}

/** The newest registration of an address counts, and nothing of an older one stays. */
async function replaceOrMake(
  app: App,
  tx: Tx,
  id: string,
  { email, name, locale }: Registration,
  hash: string,
  status: 'active' | 'pending',
  now: number,
  record: (event: AuditEvent) => void,
): Promise<{ user: User; end: Ended }> {
  const end = await giveWay(app, tx, email, record)
  const unconfirmedSince = status === 'pending' ? now : null
  const user = await createUser(tx, { id, email, name, locale, roles: [], status, unconfirmedSince }, now)
  await insertPassword(tx, id, hash, now)
  return { user, end }
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
