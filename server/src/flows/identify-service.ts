import { hash } from 'node:crypto'
import type { App } from '../app.ts'
import { authenticateService } from '../domain/services/authenticate.ts'
import type { CallingService } from '../domain/services/service.ts'
import { noteSecretUse } from '../domain/services/store.ts'
import { AppError } from '../errors.ts'

// A service asks thousands of times a second; its row is read again after this. A stream that was opened in the last
// moment is noticed within another second (`chores/watch-followers.ts`), which makes the two of promise 2.
const rememberedFor = 1000
const mostRemembered = 1000
// After the answer, and seldom: so many services, so many writes a minute.
const usesNotedEvery = 60_000

export type RememberedServices = Map<string, { service: CallingService; until: number }>

/**
 * Which service is this? The answer is remembered for a second, so that the hot path needs no database; only when that
 * is asked, the answer is a promise.
 * @param credentials `client_id:secret` as HTTP Basic carries it
 * @throws AppError `invalid_client`
 */
export function identifyService(app: App, credentials: string): CallingService | Promise<CallingService> {
  const now = app.clock.now()
  // Never the secret itself as a key in memory.
  const trace = hash('sha256', credentials, 'base64')
  const known = app.services.get(trace)
  if (known && now < known.until && now > known.until - 2 * rememberedFor) return known.service
  return lookUpService(app, credentials, trace, now)
}

async function lookUpService(app: App, credentials: string, trace: string, now: number): Promise<CallingService> {
  const colon = credentials.indexOf(':')
  const found =
    colon > 0
      ? await authenticateService(app.database.db, credentials.slice(0, colon), credentials.slice(colon + 1), now)
      : null
  if (!found) throw new AppError('invalid_client')
  if (now - (found.lastUsedAt ?? 0) > usesNotedEvery) {
    const id = found.service.secretId
    app.later(() => noteSecretUse(app.database.db, id, now, now - usesNotedEvery))
  }
  if (app.services.size >= mostRemembered) app.services.clear()
  app.services.set(trace, { service: found.service, until: Math.min(now + rememberedFor, found.expiresAt) })
  return found.service
}
