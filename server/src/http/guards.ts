import type { App } from '../app.ts'
import type { Permission } from '../domain/admin/permissions.ts'
import { permit } from '../domain/admin/permit.ts'
import type { CallingService, ServiceScope } from '../domain/services/service.ts'
import { AppError } from '../errors.ts'
import { asInTheDatabase } from '../flows/as-in-the-database.ts'
import { authenticateOrAsk, type Caller } from '../flows/authenticate.ts'
import { identifyService } from '../flows/identify-service.ts'
import { scopeOf, type Who } from './route.ts'

type Guarded = {
  who: Who
  permission?: Permission
  fieldPermissions?: Record<string, Permission>
  freshWithin?: number
  scope?: ServiceScope
}

/**
 * The one place that decides whether a caller may call a route. The answer is a promise only where the
 * database is asked: for administrators, for services every now and then, and for a signing key that this node has not met.
 * @param authorization the Authorization header, if there was one
 * @param ip where the caller is; only asked for when it is needed
 * @returns the caller where the route asks for one, else null
 * @throws AppError `unauthenticated`, `invalid_token`, `token_expired`, `token_revoked`, `invalid_client`,
 *   `rate_limited`, `forbidden` or `reauthentication_required`
 */
export function admit(
  app: App,
  route: Guarded,
  authorization: string | undefined,
  ip: () => string | null,
): Caller | CallingService | null | Promise<Caller | CallingService> {
  if (route.who === 'anyone' || route.who === 'session') return null
  if (route.who === 'service') return admitService(app, route.scope, authorization, ip)
  const scope = scopeOf(route)
  if (scope && /^Basic /i.test(authorization ?? '')) return admitService(app, scope, authorization, ip)
  const caller = authenticateOrAsk(app, bearerToken(authorization))
  if (caller instanceof Promise) return caller.then((known) => admitCaller(app, route, known))
  return admitCaller(app, route, caller)
}

function admitCaller(app: App, route: Guarded, caller: Caller): Caller | Promise<Caller> {
  if (route.who === 'admin' && !caller.claims.roles.includes('admin')) throw new AppError('forbidden')
  if (route.permission) permit(route.permission, caller.claims.roles, ageOfLogin(app, caller))
  if (route.freshWithin !== undefined && ageOfLogin(app, caller) > route.freshWithin) {
    throw new AppError('reauthentication_required')
  }
  return route.who === 'admin' ? asInTheDatabase(app, caller) : caller
}

/**
 * The same for fields of the body, once that was read.
 * @throws AppError `forbidden` or `reauthentication_required`
 */
export function admitFields(app: App, route: Guarded, caller: Caller | CallingService, body: object): void {
  for (const [field, permission] of Object.entries(route.fieldPermissions ?? {})) {
    if (!Object.hasOwn(body, field)) continue
    if (!('claims' in caller)) throw new AppError('forbidden')
    permit(permission, caller.claims.roles, ageOfLogin(app, caller))
  }
}

function ageOfLogin(app: App, { claims }: Caller): number {
  return app.clock.now() / 1000 - claims.auth_time
}

function admitService(
  app: App,
  scope: ServiceScope | undefined,
  authorization: string | undefined,
  ip: () => string | null,
): CallingService | Promise<CallingService> {
  const service = identifyService(app, authorization ?? '', basicCredentials, ip)
  if (service instanceof Promise) return service.then((known) => admitScope(scope, known))
  return admitScope(scope, service)
}

function admitScope(scope: ServiceScope | undefined, service: CallingService): CallingService {
  if (scope && !service.scopes.includes(scope)) {
    throw new AppError('forbidden', { detail: `The service lacks the scope ${scope}.` })
  }
  return service
}

/**
 * RFC 6749 §2.3.1 has id and secret form-encoded before Basic; ours hold nothing that plain text could be taken for.
 * @throws AppError `invalid_client`
 */
function basicCredentials(authorization: string): string {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)
  if (!match) throw new AppError('invalid_client')
  try {
    return decodeURIComponent(Buffer.from(match[1]!, 'base64').toString())
  } catch {
    throw new AppError('invalid_client')
  }
}

/** @throws AppError `unauthenticated` when there is none, `invalid_token` when it is of another scheme */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new AppError('unauthenticated')
  // As nearly everybody writes it.
  if (authorization.startsWith('Bearer ') && authorization.length > 7 && !authorization.includes(' ', 7)) {
    return authorization.slice(7)
  }
  const match = /^Bearer +([^ ]+)$/i.exec(authorization)
  if (!match)
    throw new AppError('invalid_token', { detail: 'The Authorization header is not "Bearer <access token>".' })
  return match[1]!
}
