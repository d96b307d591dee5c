import { hash } from 'node:crypto'
import type { App } from '../app.ts'
import { authenticateService, isClientId } from '../domain/services/authenticate.ts'
import type { CallingService } from '../domain/services/service.ts'
import { noteSecretUse } from '../domain/services/store.ts'
import { networksOf } from '../domain/throttling/network-of.ts'
import { AppError } from '../errors.ts'
import { isBlind, lostSight } from './know-revocations.ts'
import { revokedSpan } from './revoked-span.ts'
import { countFailure, refuseKnown } from './throttled.ts'

// A service asks thousands of times a second; its row is read again after this. A stream that was opened in the last
// moment is noticed within another second (`chores/watch-followers.ts`), which makes the two of promise 2.
const rememberedFor = 1000
const mostRemembered = 1000
// After the answer, and seldom: so many services, so many writes a minute.
const usesNotedEvery = 60_000

/** @param until it is looked up again after this @param expiresAt the secret lives no longer @param seenAt when it was read */
export type RememberedServices = Map<string, Remembered>
type Remembered = { service: CallingService; until: number; expiresAt: number; seenAt: number }

/**
 * Which service is this? The answer is remembered for a second, so that the hot path needs no database; only when that
 * is asked, the answer is a promise.
 * @param authorization as it was sent: for whoever is remembered nothing of it need be decoded
 * @param credentialsIn reads `client_id:secret` from it
 * @param ip where the caller is; only asked for when it is needed
 * @throws AppError `invalid_client`, or `rate_limited` after too many of those
 */
export function identifyService(
  app: App,
  authorization: string,
  credentialsIn: (authorization: string) => string,
  ip: () => string | null,
): CallingService | Promise<CallingService> {
  const now = app.clock.now()
  // Never the secret itself as a key in memory.
  const trace = hash('sha256', authorization, 'base64')
  const known = app.services.get(trace)
  if (known && now < known.until && now > known.until - 2 * rememberedFor) return known.service
  const credentials = credentialsIn(authorization)
  if (isBlind(app)) return asItWas(app, known, now)
  return lookUpService(app, credentials, trace, ip(), now)
}

/**
 * A node that is blind asks a database that does not answer nothing, so that nobody waits for it. Set to fail open, it
 * goes by the services that it saw in the last moments before, for as long as it remembers revocations.
 * @throws AppError `unavailable`
 */
function asItWas(app: App, known: Remembered | undefined, now: number): CallingService {
  const blindFor = app.feed.age()
  const { revocationFailure, revocationMaxAge } = app.config
  const isKnown = known && now < known.expiresAt && known.seenAt > now - blindFor - revocationMaxAge
  const isRemembered = blindFor < revokedSpan(now).until - now
  if (revocationFailure === 'open' && isKnown && isRemembered) return known.service
  throw lostSight(app)
}

// Whoever looks may be late.
const lookedAfterLonger = 10_000

/** Secrets of the services that a node which loses sight now would go on by. */
export function secretsToKnow({ config, clock, services }: App): string[] {
  if (config.revocationFailure !== 'open') return []
  const since = clock.now() - config.revocationMaxAge - lookedAfterLonger
  return [...services.values()].filter(({ seenAt }) => seenAt > since).map(({ service }) => service.secretId)
}

/**
 * Forgets services that are gone or may do something else now, though nobody has shown their secrets since.
 * @param asked secrets that were looked for @param living those that were found, with the scopes of their services
 */
export function forgetServices(app: App, asked: string[], living: ReadonlyMap<string, string[]>): void {
  for (const [trace, { service }] of app.services) {
    if (!asked.includes(service.secretId)) continue
    if (living.get(service.secretId)?.join() !== service.scopes.join()) app.services.delete(trace)
  }
}

/**
 * A right secret is never refused, whatever its neighbours send: it has 256 bits, so nobody need be kept from guessing.
 * Only wrong ones are counted, and one that was refused is not looked up again for a while.
 */
async function lookUpService(
  app: App,
  credentials: string,
  trace: string,
  ip: string | null,
  now: number,
): Promise<CallingService> {
  const colon = credentials.indexOf(':')
  const clientId = credentials.slice(0, Math.max(0, colon))
  // Costs no query, so it need not be counted.
  if (!isClientId(clientId)) throw new AppError('invalid_client')
  refuseKnown(app, 'service', [trace])
  const found = await authenticateService(app.database.db, clientId, credentials.slice(colon + 1), now)
  if (!found) {
    app.services.delete(trace)
    const subject = ip === null ? clientId : `${clientId} at ${networksOf(ip)[0]}`
    await countFailure(app, ip, 'service', { subject }, trace)
    throw new AppError('invalid_client')
  }
  if (now - (found.lastUsedAt ?? 0) > usesNotedEvery) {
    const id = found.service.secretId
    app.later(() => noteSecretUse(app.database.db, id, now, now - usesNotedEvery))
  }
  if (app.services.size >= mostRemembered) app.services.clear()
  const { service, expiresAt } = found
  app.services.set(trace, { service, until: Math.min(now + rememberedFor, expiresAt), expiresAt, seenAt: now })
  return found.service
}
