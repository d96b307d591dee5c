import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import type { Asker } from '../domain/passwords/hasher.ts'
import { normalisePassword } from '../domain/passwords/normalise.ts'
import { replacePassword } from '../domain/passwords/store.ts'
import { surplusSessions } from '../domain/sessions/limit.ts'
import { isNewDevice } from '../domain/sessions/new-device.ts'
import { type Device, startSession } from '../domain/sessions/start.ts'
import { listDevicesOfUser } from '../domain/sessions/store.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { recordLogin, setDeletion } from '../domain/users/update.ts'
import { userOf } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { type Act, actingAs } from './acting.ts'
import { announceEnds, type Ended } from './announce-ends.ts'
import { askerOf } from './asker-of.ts'
import { inAuditedTransaction } from './audited.ts'
import { countedLogin } from './count-outcomes.ts'
import { endOne } from './end-sessions.ts'
import { asOfNow, issueTokens, type Tokens } from './issue-tokens.ts'
import { ChangedMeanwhile, judgeAnew } from './judge-anew.ts'
import { knownDevice } from './known-device.ts'
import { withLivingRoles } from './living-roles.ts'
import { queueWithin } from './mail-budget.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { mailQueued } from './queue-mail.ts'
import { personalOf, sessionLife } from './register.ts'
import { type Attempt, noteWait, throttled, waitedFor } from './throttled.ts'
import { guessedNotice, noticeMail } from './write-mail.ts'

export type Login = {
  email: string
  password: string
  device: Device
  /** A refresh token of an earlier session on this device: it shows that the user has been here before. */
  refreshToken?: string | null
  signal?: AbortSignal
}

/**
 * A user proves who it is and gets a session; one who had deleted its account, and comes back before it is gone, keeps it. An unknown address costs the same hashing in the same queue as a known
 * one, and no connection is held meanwhile.
 */
export async function login(app: App, act: Act, input: Login): Promise<Tokens> {
  const password = normalisePassword(input.password)
  return countedLogin(app, async () => {
    // Before anything is looked up or counted: in a storm most are sent away, and that must cost next to nothing.
    const shown = input.refreshToken ? app.refreshTokens.read(input.refreshToken) : null
    app.hasher.admit(askerOf(act, shown?.sessionId ?? null, input.signal))
    const device = await knownDevice(app, input.email, shown)
    const asker = askerOf(act, device?.session ?? null, input.signal)
    return throttled(app, act, 'login', { account: input.email, device }, (attempt) =>
      judgeAnew(() => judge(app, act, { ...input, password }, asker, attempt)),
    )
  })
}

async function judge(app: App, act: Act, input: Login, asker: Asker, attempt: Attempt): Promise<Tokens> {
  const { email, password, device } = input
  const found = await findUserForLogin(app.database.db, email)
  const isHidden = found?.status === 'pending' && app.config.emailVerification === 'required'
  const hash = isHidden ? null : (found?.hash ?? null)
  const checked = await app.hasher.verify(password, hash, asker)
  if (!found || hash === null || !checked.ok) {
    app.log.info({ event: 'login_failed', user: found?.id })
    const reason = found ? 'wrong_password' : 'unknown_address'
    noteFailure(app, act, found?.id, isHidden ? 'email_not_verified' : reason)
    noteWait(app, act, found?.id, attempt)
    throw wrongCredentials(app, found)
  }
  if (found.status !== 'active') {
    const code = found.status === 'pending' ? 'email_not_verified' : 'account_disabled'
    noteFailure(app, act, found.id, code)
    throw new AppError(code)
  }

  const asOf = asOfNow(app)
  const now = asOf.at
  const { user, session, end, mails } = await inAuditedTransaction(app, actingAs(act, found.id), async (tx, record) => {
    // Takes the user's row first, as whoever changes the password or the status does: a session that an old password
    // opens cannot slip in behind the change that ends the others.
    await recordLogin(tx, found.id, now)
    const still = await findUserForLogin(tx, email)
    if (still?.id !== found.id || still.hash !== hash || still.status !== 'active') throw new ChangedMeanwhile()
    const surplus = await surplusSessions(tx, found.id, app.config.sessionLimit, now)
    const end = await endSurplus(app, tx, found.id, surplus, record)
    const isNew = isNewDevice(await listDevicesOfUser(tx, found.id, devicesLookedAt), device)
    const session = await startSession(tx, still.id, device, sessionLife(app), now)
    const subject = { kind: 'user' as const, id: still.id }
    record({ event: 'login', subject, details: { session: session.id }, personal: personalOf(device) })
    await attempt.succeed(tx)
    // As it is now: its roles may have changed while the password was hashed.
    const user = { ...userOf(still), deletionDueAt: null }
    const about = { ip: device.ip, device: device.name ?? device.userAgent }
    const failures = waitedFor(attempt)
    const mails = isNew ? [noticeMail(app, 'new-device', user, about)] : []
    if (failures > 0) mails.splice(0, 1, guessedNotice(app, user, about, failures))
    if (still.deletion_due_at !== null) {
      await setDeletion(tx, still.id, null)
      record({ event: 'user_deletion_cancelled', subject })
      mails.push(noticeMail(app, 'deletion-cancelled', user, about))
    }
    const queued = []
    for (const mail of mails) queued.push(...(await queueWithin(app, tx, mail)))
    return { user, session, end, mails: queued }
  })
  announceEnds(app, end)
  mailQueued(app, ...mails)
  app.log.info({ event: 'login', user: user.id, session: session.id })
  if (checked.rehash) app.later(() => rehash(app, user.id, password, hash))
  const life = { createdAt: now, expiresAt: session.idle_expires_at }
  const grant = { grant: 'login' as const, id: session.id, generation: 0, ...life }
  return issueTokens(app, grant, await withLivingRoles(app, user), asOf)
}

const devicesLookedAt = 200

/** A user has so many devices; whoever logs in on one more loses the one that was used longest ago. */
async function endSurplus(
  app: App,
  tx: Tx,
  user: string,
  ids: string[],
  record: (event: AuditEvent) => void,
): Promise<Ended> {
  const all: Ended = { ends: [], revocations: [], confirmed: [] }
  for (const id of ids) {
    const { ends, revocations } = await endOne(app, tx, id, 'session_limit')
    if (ends.length === 0) continue
    all.ends.push(...ends)
    all.revocations.push(...revocations)
    record({ event: 'session_ended', subject: { kind: 'session', id }, user, reason: 'session_limit' })
  }
  return all
}

/**
 * Where registrations are answered all alike, whoever has registered an address could learn by a login whether it was
 * free: only then would an account wait for its confirmation, with that password. So the answer is that of an unknown
 * address, and says for all what may be the reason.
 */
function wrongCredentials(app: App, found: { status: string } | undefined): AppError {
  const cause = found ? 'bad_credentials' : 'unknown_user'
  if (app.config.emailVerification === 'optional') return new AppError('invalid_credentials', { cause })
  const detail =
    'The address or the password is wrong, or the address is not verified yet: open the link that was mailed.'
  return new AppError('invalid_credentials', { cause, detail })
}

function noteFailure(app: App, act: Act, userId: string | undefined, reason: string): void {
  const subject = userId === undefined ? {} : { subject: { kind: 'user' as const, id: userId } }
  noteAfterwards(app, act, { event: 'login_failed', reason, ...subject })
}

/** After the answer, so that nobody can read the old format from the time it took. */
async function rehash(app: App, userId: string, password: string, former: string): Promise<void> {
  const hash = await app.hasher.hash(password)
  await replacePassword(app.database.db, userId, former, hash)
}
