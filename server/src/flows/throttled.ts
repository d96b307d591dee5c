import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { allowances, type Guesses } from '../domain/throttling/judge-guess.ts'
import { guessing, type PolicyName, policyOf, wider } from '../domain/throttling/limits.ts'
import { networksOf } from '../domain/throttling/network-of.ts'
import {
  type Counted,
  CountedMeanwhile,
  forgive,
  giveBack,
  type Refusal,
  Refused,
  take,
} from '../domain/throttling/take.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { noteAfterwards } from './note-afterwards.ts'

/** Whom a call is about; a policy takes of it what it counts. */
export type About = {
  /** The address of the account whose password is shown; whether there is one makes no difference. */
  account?: string
  /** A session of that account which the caller has shown to be its own: it is counted by itself, and not by others. */
  device?: KnownDevice | null
  /** The user, or the client id. */
  subject?: string
}

/** A session, by which a device is known, and whose it is: an id of each. */
export type KnownDevice = { session: string; user: string }

export type Attempt = {
  /** The wrong guesses in a row with this one, and whose they are. */
  guesses: (Guesses & { limiter: 'account' | 'device' }) | null
  /** To be called in the transaction that the success makes, so that both come about or neither. */
  succeed(tx: Tx): Promise<void>
}

type Backend = 'memory' | 'redis' | 'database'

/** Each round that fails was overtaken by another call, which was counted. */
const rounds = 200

/**
 * Lets `work` be done unless there were too many calls like it. It is counted before it begins: what is refused costs
 * nothing, and of many that come at once no more are let pass than one after the other would be. Where only failures
 * count, a success takes its place back, and so does what was never judged (the server was busy, the caller hung up).
 *
 * For another route: a line in `domain/throttling/limits.ts`, this around the flow, `rate_limited` among the route's
 * errors, and a line in `docs/throttling.md`.
 * @throws AppError `rate_limited`, which does not tell a right password from a wrong one
 */
export async function throttled<T>(
  app: App,
  act: Act,
  policy: PolicyName,
  about: About,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const { failures } = policyOf(policy)
  const counted = countedBy(app, act.ip, policy, about)
  if (!app.config.rateLimits || !counts(counted)) return work(unlimited)
  const { guesses, inDatabase, inRedis } = await admit(app, policy, counted)
  let forgiven = false
  const attempt: Attempt = {
    guesses: guesses && { ...guesses, limiter: counted.guesses[0]!.limiter },
    async succeed(tx) {
      forgiven = true
      await forgive(tx, inDatabase)
    },
  }
  try {
    const result = await work(attempt)
    if (failures && !forgiven && counts(inDatabase)) await app.commit((tx) => forgive(tx, inDatabase))
    if (failures) drain(app, inRedis)
    believeAgain(app, counted)
    return result
  } catch (error) {
    const stays = !failures || (error instanceof AppError && failures.includes(error.code))
    // Counted once too often does less harm than an error that hides the other.
    if (!stays) {
      if (counts(inDatabase)) {
        await app.commit((tx) => giveBack(tx, inDatabase)).catch((err) => app.log.error({ err }, 'not given back'))
      }
      drain(app, inRedis)
      believeAgain(app, counted)
    }
    throw error
  }
}

/**
 * For what costs less to look at than to count: what failed is counted afterwards, and what was right never.
 * @param ip where the caller is
 * @param trace a name for what was shown: once that was refused, `refuseKnown` knows it for some seconds
 * @throws AppError `rate_limited` when it is one too many
 */
export async function countFailure(
  app: App,
  ip: string | null,
  policy: PolicyName,
  about: About,
  trace: string,
): Promise<void> {
  if (app.config.rateLimits) await admit(app, policy, countedBy(app, ip, policy, about), trace)
}

/** @throws AppError `rate_limited` when one of these names was refused a moment ago, and would be now */
export function refuseKnown(app: App, policy: PolicyName, names: string[]): void {
  const known = app.throttle.refusals.find(names, app.clock.now())
  if (known) throw refuse(app, policy, known, 'memory')
}

/** What was refused because of this call, while it was not yet known how it would end. */
function believeAgain(app: App, { guesses }: Counted): void {
  for (const { name } of guesses) app.throttle.refusals.forget(name)
}

function counts({ guesses, rates }: Counted): boolean {
  return guesses.length + rates.length > 0
}

/** Nobody waits for it: what is lost there is counted once too often. */
function drain(app: App, rates: Counted['rates']): void {
  if (rates.length > 0) void app.throttle.redis?.drain(rates)
}

const unlimited: Attempt = { guesses: null, succeed: async () => undefined }

/** What the call has to pass: known devices by themselves, strangers by their account and their network. */
function countedBy(app: App, ip: string | null, policy: PolicyName, { account, device, subject }: About): Counted {
  const { guesses, subject: bySubject, network: byNetwork } = policyOf(policy)
  const { name } = app.throttle
  if (guesses && device) {
    const own = { name: name('device', device.session), limiter: 'device' as const, allowance: allowances.device }
    const all = { name: name('devices', device.user), limiter: 'device' as const, allowance: allowances.devices }
    return { guesses: [own, all], rates: [] }
  }
  const rates: Counted['rates'] = []
  if (bySubject && subject !== undefined) {
    rates.push({ name: name(policy, 'subject', subject), limiter: 'subject', rate: bySubject })
  }
  const [narrow, wide] = byNetwork && ip !== null ? networksOf(ip) : []
  if (byNetwork && narrow !== undefined) {
    rates.push({ name: name(policy, 'network', narrow), limiter: 'network', rate: byNetwork })
  }
  if (byNetwork && wide !== undefined) {
    rates.push({ name: name(policy, 'network', wide), limiter: 'network', rate: wider(byNetwork) })
  }
  if (!guesses || account === undefined) return { guesses: [], rates }
  const allowance = allowances.account
  return { guesses: [{ name: name('account', account), limiter: 'account' as const, allowance }], rates }
}

type Admitted = {
  guesses: Guesses | null
  /** Who has counted what. */
  inDatabase: Counted
  inRedis: Counted['rates']
}

async function admit(app: App, policy: PolicyName, counted: Counted, trace?: string): Promise<Admitted> {
  const now = app.clock.now()
  const names = [...counted.guesses, ...counted.rates].map((one) => one.name)
  const { refusals, redis } = app.throttle
  const refused = (refusal: Refusal, backend: Backend) => {
    if (backend !== 'memory') refusals.remember(refusal, now)
    if (trace !== undefined) refusals.remember({ ...refusal, name: trace }, now)
    return refuse(app, policy, refusal, backend)
  }
  const known = refusals.find(names, now)
  if (known) throw refused(known, 'memory')

  const filled = redis && counted.rates.length > 0 ? await redis.fill(counted.rates, now) : null
  if (filled !== null && filled !== 'passed') throw refused(filled, 'redis')
  const inRedis = filled === 'passed' ? counted.rates : []
  const inDatabase = filled === 'passed' ? { guesses: counted.guesses, rates: [] } : counted
  try {
    const guesses = counts(inDatabase) ? await counting(app, (tx) => take(tx, inDatabase, now)) : null
    return { guesses, inDatabase, inRedis }
  } catch (error) {
    // All that counts a call counts it, or nothing does.
    drain(app, inRedis)
    throw error instanceof Refused ? refused(error.refusal, 'database') : error
  }
}

async function counting<T>(app: App, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await app.commit(work)
    } catch (error) {
      const overtaken = error instanceof CountedMeanwhile || app.database.dialect.isDuplicate(error)
      if (!overtaken || round >= rounds) throw error
    }
  }
}

const locked =
  'Too many wrong passwords: no more are tried, however long you wait. Choose a new one by "forgot password", or ask an administrator.'

/** The same for addresses with an account and without. */
function refuse(app: App, policy: PolicyName, { limiter, rate, wait }: Refusal, backend: Backend): AppError {
  app.meter.count('ntt_auth_rate_limited_total', { limiter, backend })
  const window = rate === null ? null : Math.ceil((rate.burst * rate.every) / 1000)
  return new AppError('rate_limited', {
    retryAfter: Math.ceil(Math.min(wait, guessing.longestWait) / 1000),
    ...(wait === Number.POSITIVE_INFINITY && { retryable: false, detail: locked }),
    limit: { name: `${policy}-${limiter}`, quota: rate?.burst ?? guessing.free, window },
  })
}

/** How many wrong guesses in a row came before this one, where they were so many that it had to wait; otherwise 0. */
export function waitedFor({ guesses }: Attempt): number {
  const before = (guesses?.failures ?? 0) - 1
  return before >= guessing.free ? before : 0
}

/** Says in the audit log that the wait of an account began, or that it is locked: once, not with every refusal. */
export function noteWait(app: App, act: Act, userId: string | undefined, { guesses }: Attempt): void {
  if (userId === undefined || !guesses) return
  const { failures, limiter } = guesses
  const about = { subject: { kind: 'user' as const, id: userId }, details: { failures, of: limiter } }
  if (failures === guessing.free) noteAfterwards(app, act, { event: 'account_throttled', ...about })
  const most = limiter === 'account' ? guessing.most : guessing.mostOfDevices
  if (failures === most) noteAfterwards(app, act, { event: 'account_locked', ...about })
}
