import type { Readable } from 'node:stream'
import type { Static, TSchema } from 'typebox'
import type { App } from '../app.ts'
import { type Permission, ruleOf } from '../domain/admin/permissions.ts'
import type { CallingService, ServiceScope } from '../domain/services/service.ts'
import type { AppError, ErrorCode } from '../errors.ts'
import type { Act } from '../flows/acting.ts'
import type { Caller } from '../flows/authenticate.ts'
import type { Place } from './routes.ts'
import type { Refusal } from './validation.ts'

/**
 * Who may call a route. `session` shows a refresh token in the body, which the flow itself checks; `user` and `admin`
 * show an access token, and `service` its id and secret by HTTP Basic, which `guards.ts` checks. Where the rule of an
 * administrators' route names a scope, a service may come in too.
 */
export type Who = 'anyone' | 'session' | 'user' | 'admin' | 'service'

/** What a handler knows of the request. */
export type RequestContext<Body, Query, Params> = {
  app: App
  /** Every route of this listener, for those that describe it. */
  places: readonly Place[]
  body: Body
  query: Query
  params: Params
  /** A header's value, or undefined. */
  header(name: string): string | undefined
  /** The caller's address, from the socket or a trusted proxy. */
  ip: string
  /** Who acts, from where, in which request: what the audit log keeps. */
  act: Act
  /** Aborted when the caller has hung up. */
  signal: AbortSignal
}

export type Answer = {
  status: number
  body?: unknown
  /** Instead of a body: JSON that was written before, by a serializer of the schema. */
  written?: string
  headers?: Record<string, string>
  /** Opens what is sent instead of a body, for as long as the caller listens. */
  stream?: () => Readable
}
type CallerOf<W extends Who> = W extends 'user'
  ? Caller
  : W extends 'admin'
    ? Caller | CallingService
    : W extends 'service'
      ? CallingService
      : null
type Data<Schema> = Schema extends TSchema ? Static<Schema> : undefined

/** What is known of a request that was refused: nothing of it was checked. */
export type Asked = { body: unknown; query: unknown; header(name: string): string | undefined }

/** A route as its file states it; `routes.ts` gives it method and path. */
export type Route<
  W extends Who = Who,
  Body extends TSchema | undefined = TSchema | undefined,
  Query extends TSchema | undefined = TSchema | undefined,
  Params extends TSchema | undefined = TSchema | undefined,
> = {
  summary: string
  description?: string
  tag: 'Authentication' | 'Profile' | 'Sessions' | 'Administration' | 'Services' | 'Discovery' | 'Health'
  who: W
  /** What a service must be allowed to do. */
  scope?: ServiceScope
  /** What an administrator must be allowed to do, and how recent a login that takes: `domain/admin/permissions.ts`. */
  permission?: Permission
  /** Fields of the body that take another permission as well. */
  fieldPermissions?: Record<string, Permission>
  /** How old the caller's login may be, in seconds; absent: any age. */
  freshWithin?: number
  body?: Body
  /** How the body is written; JSON unless told. */
  bodyType?: 'application/json' | 'application/x-www-form-urlencoded'
  /** Errors carry the member `error` of RFC 6749 §5.2 as well, for clients that know that standard and not us. */
  oauth?: boolean
  /** The body may be left out. */
  bodyOptional?: boolean
  query?: Query
  params?: Params
  /** Request headers that mean something here. */
  headers?: Record<string, { description: string; pattern: string; example: string }>
  /** Every success it can answer with, by status. */
  answers: Record<number, { description: string; schema?: TSchema; example?: unknown; contentType?: string }>
  /** Every error of its own; those of its kind of caller and of every request are added by `errorsOf`. */
  errors: readonly ErrorCode[]
  /** What a browser is shown instead of a problem document. */
  errorPage?: (error: AppError, request: Asked) => { body: string; headers: Record<string, string> }
  /** An example of the request body. */
  example?: unknown
  /** Successes are logged at debug only: called so often that a line each would cost more than the work. */
  quiet?: boolean
  handle(request: RequestContext<Data<Body>, Data<Query>, Data<Params>>, caller: CallerOf<W>): Answer | Promise<Answer>
}

/** A route whose schemas no longer matter to the compiler. */
// biome-ignore lint/suspicious/noExplicitAny: a list of routes has as many body types as routes
export type AnyRoute = Route<any, any, any, any>

/** Only there for its types: handlers know what their schemas let through. */
export function route<
  W extends Who,
  Body extends TSchema | undefined = undefined,
  Query extends TSchema | undefined = undefined,
  Params extends TSchema | undefined = undefined,
>(definition: Route<W, Body, Query, Params>): Route<W, Body, Query, Params> {
  return definition
}

const ofEvery = ['malformed_request', 'uri_too_long', 'headers_too_large', 'internal_error', 'unavailable'] as const
const ofBodies = ['payload_too_large', 'unsupported_media_type'] as const
const ofAccessTokens = ['unauthenticated', 'invalid_token', 'token_expired', 'token_revoked'] as const

/** Every error the route can answer with, its own and those that come with what it declares. */
export function errorsOf(route: AnyRoute): ErrorCode[] {
  // A query parameter that the route does not know is refused like an unknown field.
  const codes = new Set<ErrorCode>([...route.errors, ...ofEvery, refusalOf(route)])
  const add = (more: readonly ErrorCode[]) => more.forEach((code) => void codes.add(code))
  if (route.body) add(ofBodies)
  if (route.who === 'user' || route.who === 'admin') add(ofAccessTokens)
  if (route.who === 'admin') add(['forbidden'])
  if (route.who === 'service' || scopeOf(route)) add(['invalid_client', 'rate_limited', 'forbidden'])
  if (route.freshWithin !== undefined || permissionsOf(route).some((each) => ruleOf(each).freshWithin !== undefined)) {
    add(['reauthentication_required'])
  }
  return [...codes]
}

/** What is said of input that does not fit: where OAuth clients call, 400 as in RFC 6749 §5.2. */
export function refusalOf({ oauth }: Pick<AnyRoute, 'oauth'>): Refusal {
  return oauth ? 'malformed_request' : 'validation_failed'
}

/** What a service must be allowed to do to be let in; undefined where none is. */
export function scopeOf({ scope, permission }: Pick<AnyRoute, 'scope' | 'permission'>): ServiceScope | undefined {
  return scope ?? (permission && ruleOf(permission).scope)
}

function permissionsOf({ permission, fieldPermissions = {} }: AnyRoute): Permission[] {
  return [...(permission ? [permission] : []), ...Object.values(fieldPermissions)]
}
