import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { authenticate, type Caller } from '../flows/authenticate.ts'
import type { Who } from './route.ts'

/**
 * The one place that decides whether a caller may call a route.
 * @param authorization the Authorization header, if there was one
 * @returns the caller where the route asks for one, else null
 * @throws AppError `unauthenticated`, `invalid_token`, `token_expired`, `token_revoked`, `forbidden` or
 *   `reauthentication_required`
 */
export function admit(
  app: App,
  route: { who: Who; freshWithin?: number },
  authorization: string | undefined,
): Caller | null {
  if (route.who === 'anyone' || route.who === 'session') return null
  const caller = authenticate(app, bearerToken(authorization))
  if (route.who === 'admin' && !caller.claims.roles.includes('admin')) throw new AppError('forbidden')
  if (route.freshWithin !== undefined) {
    const age = app.clock.now() / 1000 - caller.claims.auth_time
    if (age > route.freshWithin) throw new AppError('reauthentication_required')
  }
  return caller
}

/** @throws AppError `unauthenticated` when there is none, `invalid_token` when it is of another scheme */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new AppError('unauthenticated')
  const match = /^Bearer +([^ ]+)$/i.exec(authorization)
  if (!match)
    throw new AppError('invalid_token', { detail: 'The Authorization header is not "Bearer <access token>".' })
  return match[1]!
}
