import type { Problem } from '../contract.ts'
import type { ServerCode } from './codes.ts'

/** Codes that the client itself makes; no server sends them. */
export type ClientCode =
  | 'config_invalid'
  | 'insecure_url'
  | 'network_unreachable'
  | 'timeout'
  | 'aborted'
  | 'bad_response'
  | 'no_session'
  | 'refresh_unavailable'
  | 'storage_unavailable'
  | 'closed'

/** A stable string to branch on. Newer servers may know more than this type does. */
export type ErrorCode = ServerCode | ClientCode | (string & {})

/** What an `AuthError` may tell beside its code. */
export type ErrorDetails = {
  /** The HTTP status of the answer; undefined where none came. */
  status?: number | undefined
  /** Named in the server's log as well. */
  requestId?: string | undefined
  /** Whether the same call may succeed later. */
  retryable?: boolean | undefined
  /** Seconds. */
  retryAfter?: number | undefined
  /** The answer of the server, RFC 9457. */
  problem?: Problem | undefined
  /** Why the session ended, where it did. */
  endReason?: string | undefined
  /** What was thrown underneath, as of `fetch`. */
  cause?: unknown
}

/** What every method of the client throws. Branch on the class or on `code`, never on the message. */
export class AuthError extends Error {
  /** What happened: the thing to branch on. */
  declare readonly code: ErrorCode
  /** The HTTP status of the answer; undefined where none came. */
  declare readonly status: number | undefined
  /** Named in the server’s log as well. */
  declare readonly requestId: string | undefined
  /** Whether the same call may succeed later. */
  declare readonly retryable: boolean
  /** Seconds to wait before that. */
  declare readonly retryAfter: number | undefined
  /** The whole answer of the server (RFC 9457). */
  declare readonly problem: Problem | undefined
  /** Why the session ended, where it did. */
  declare readonly endReason: string | undefined
  /** Told by this one, errors are known across realms and across two copies of this package. */
  readonly '~ntt-auth-client': true = true

  // The same for all of them: whoever minifies would change the names of the classes.
  override readonly name = 'AuthError'

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details)
    Object.assign(this, { retryable: false }, details, { code })
  }

  /** Whether it is one of this client, also from another copy of the package or another realm. */
  static is(error: unknown): error is AuthError {
    return Object(error)['~ntt-auth-client'] === true
  }

  /** For logs: without the cause and the answer, which may hold what is private. */
  toJSON(): Record<string, unknown> {
    // Its cause is none of what is enumerated.
    return { ...(this as object), message: this.message, problem: undefined }
  }
}

/** The client was set up or called in a way that cannot work. */
export class ConfigurationError extends AuthError {}
/** No usable answer came: offline, a timeout, or something between us and the server that answered in its place. */
export class NetworkError extends AuthError {}
/** Too many requests; `retryAfter` says when. */
export class RateLimitedError extends AuthError {}
/** The server could not answer, or was too busy to. */
export class ServerError extends AuthError {}
/** There is no session: log in. */
export class LoggedOutError extends AuthError {}
/** The server ended the session; `endReason` says why. */
export class SessionEndedError extends AuthError {}
/** The access token has expired and could not be refreshed yet. The session is kept; try later. */
export class RefreshUnavailableError extends AuthError {}
/** E-mail or password is wrong, or the account is disabled. */
export class CredentialsError extends AuthError {}
/** Something in the input; `problem.errors` points at it. */
export class ValidationError extends AuthError {}
/** Not allowed, or not without a recent login. */
export class ForbiddenError extends AuthError {}
/** It contradicts what is already there, for example a taken e-mail address. */
export class ConflictError extends AuthError {}

/** By code, or by status. */
export const classes: Record<string, typeof AuthError> = {
  // A code may be any word.
  __proto__: null as never,
  session_ended: SessionEndedError,
  invalid_credentials: CredentialsError,
  invalid_password: CredentialsError,
  account_disabled: CredentialsError,
  // Codes that a newer server may send are known by their status.
  '400': ValidationError,
  '403': ForbiddenError,
  '409': ConflictError,
  '422': ValidationError,
  '429': RateLimitedError,
}

/** @param header what `Retry-After` said, which counts before what the body says */
export function errorOfProblem(problem: Problem, status: number, header: number | undefined): AuthError {
  const { code, retryable, retry_after } = problem
  const Class = classes[code] ?? classes[status] ?? (status < 500 ? AuthError : ServerError)
  return new Class(code, problem.detail ?? problem.title, {
    status,
    retryable: !!retryable,
    requestId: problem.request_id,
    retryAfter: header ?? (retry_after! > 0 ? Number(retry_after) : undefined),
    problem,
    endReason: problem.end_reason ?? undefined,
  })
}
