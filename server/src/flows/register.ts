import type { App } from '../app.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { insertPassword } from '../domain/passwords/store.ts'
import { type Device, startSession } from '../domain/sessions/start.ts'
import { createUser } from '../domain/users/create.ts'
import { findUserIdByEmail } from '../domain/users/store.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'
import { type Act, actingAs } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { countedRegistration } from './count-outcomes.ts'
import { issueTokens, type Tokens } from './issue-tokens.ts'
import { throttled } from './throttled.ts'

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
 * refusals come before the hash.
 */
export async function register(app: App, act: Act, input: Registration): Promise<Tokens> {
  return countedRegistration(app, () => throttled(app, act, 'register', {}, () => attempt(app, act, input)))
}

async function attempt(app: App, act: Act, input: Registration): Promise<Tokens> {
  const { email, name, locale, device } = input
  if (app.config.registration === 'closed') throw new AppError('registration_closed')
  const password = checkPassword(input.password, { minLength: app.config.passwordMinLength, email, name })
  if (await findUserIdByEmail(app.database.db, email)) throw taken()
  const hash = await app.hasher.hash(password, input.signal)

  const now = app.clock.now()
  const id = newId(now)
  const { user, session } = await inAuditedTransaction(app, actingAs(act, id), async (tx, record) => {
    const user = await createUser(tx, { id, email, name, locale, roles: [] }, now)
    await insertPassword(tx, id, hash, now)
    const session = await startSession(tx, id, device, sessionLife(app), now)
    const personal = { email, ...personalOf(device), ...(name !== null && { name }) }
    record({ event: 'user_registered', subject: { kind: 'user', id }, details: { session: session.id }, personal })
    return { user, session }
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? taken() : error
  })
  app.log.info({ event: 'user_registered', user: id, session: session.id })
  const life = { createdAt: now, expiresAt: session.idle_expires_at }
  return issueTokens(app, { grant: 'register', id: session.id, generation: 0, ...life }, user)
}

export function sessionLife(app: App) {
  return { idle: app.config.sessionIdleTtl, absolute: app.config.sessionAbsoluteTtl }
}

/** What a device says about its owner. */
export function personalOf({ userAgent, name }: Device) {
  return { ...(userAgent !== null && { user_agent: userAgent }), ...(name !== null && { device_name: name }) }
}

function taken(): AppError {
  return new AppError('email_taken')
}
