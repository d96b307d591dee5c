/**
 * Every error this server can answer with: code, HTTP status and meaning, in one table. Codes are never reused.
 * `contract/errors.json` and `docs/reference/errors.md` are generated from it.
 */
export const catalogue = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    remedy: 'Send well-formed HTTP and JSON (UTF-8, no duplicate keys).',
  },
  invalid_one_time_token: {
    status: 400,
    title: 'The link is no good',
    remedy: 'It was used, replaced by a newer one, has expired or is for something else; ask for a new one.',
  },
  invalid_credentials: {
    status: 401,
    title: 'E-mail or password is wrong',
    remedy: 'Check both and log in again; the answer does not tell which one is wrong.',
  },
  invalid_client: {
    status: 401,
    title: 'The service credential is wrong',
    remedy: 'Send client id and secret of a service by HTTP Basic; "ntt-auth services create" makes one.',
  },
  unauthenticated: {
    status: 401,
    title: 'No access token was sent',
    remedy: 'Send "Authorization: Bearer <access token>".',
  },
  invalid_token: { status: 401, title: 'The access token is not valid here', remedy: 'Refresh it, or log in again.' },
  token_expired: { status: 401, title: 'The access token has expired', remedy: 'Refresh it.' },
  token_revoked: {
    status: 401,
    title: 'The access token was revoked',
    remedy: 'Refresh once; the answer tells whether the session has ended, and why.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'The refresh token was not issued by this server',
    remedy: 'Send the token exactly as it was received. If it was, log in again.',
  },
  session_ended: {
    status: 401,
    title: 'The session has ended',
    remedy: 'Log in again; "end_reason" says why it ended.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed for this caller',
    remedy: 'Call as a user who has the right, or ask an administrator.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'This page may not use the session cookie',
    remedy: 'Call from a page of the same site whose origin is the public URL or stands in NTT_AUTH_CORS_ORIGINS.',
  },
  reauthentication_required: {
    status: 403,
    title: 'A recent login is needed',
    remedy: 'Log in again with the password, then repeat the request.',
  },
  invalid_password: { status: 403, title: 'The current password is wrong', remedy: 'Type the current password again.' },
  email_not_verified: {
    status: 403,
    title: 'The e-mail address is not verified yet',
    remedy: 'Open the link that was mailed, or ask for another one.',
  },
  account_disabled: { status: 403, title: 'The account is disabled', remedy: 'Ask an administrator to enable it.' },
  registration_closed: { status: 403, title: 'Registration is closed', remedy: 'Ask an administrator for an account.' },
  not_found: { status: 404, title: 'There is no such thing here', remedy: 'Check the path and the id.' },
  rotation_too_soon: {
    status: 409,
    title: 'The next signing key has not been published for long enough',
    remedy: 'Wait for the seconds in Retry-After, or say "now": verifiers with a cached key set then ask again.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This path does not know that method',
    remedy: 'Use one of the methods in the Allow header.',
  },
  email_taken: {
    status: 409,
    title: 'The e-mail address has an account',
    remedy: 'Log in, or register with another address.',
  },
  last_admin: {
    status: 409,
    title: 'This is the last active administrator',
    remedy: 'Make another active user an administrator first.',
  },
  secrets_full: {
    status: 409,
    title: 'The service has two secrets already',
    remedy: 'Delete one, wait until one expires, or rotate with an overlap of 0.',
  },
  refresh_superseded: {
    status: 409,
    title: 'A newer refresh token was issued',
    remedy: 'Read the stored record again and use the newer token; the session goes on.',
  },
  payload_too_large: { status: 413, title: 'The request body is too large', remedy: 'Send less.' },
  uri_too_long: { status: 414, title: 'The URL is too long', remedy: 'Send a shorter path and query.' },
  unsupported_media_type: {
    status: 415,
    title: 'The body has the wrong content type',
    remedy: 'Send "Content-Type: application/json".',
  },
  validation_failed: {
    status: 422,
    title: 'Some fields are not acceptable',
    remedy: 'Mend the fields named in "errors".',
  },
  password_too_short: {
    status: 422,
    title: 'The password is too short',
    remedy: 'Choose a longer one; a few unrelated words do well.',
  },
  password_too_common: {
    status: 422,
    title: 'The password is among the most common ones',
    remedy: 'Choose one that attackers do not try first.',
  },
  password_too_similar: {
    status: 422,
    title: 'The password is the e-mail address or the name',
    remedy: 'Choose one that cannot be looked up.',
  },
  headers_too_large: {
    status: 431,
    title: 'The request headers are too large',
    remedy: 'Send fewer or shorter headers.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many attempts',
    remedy:
      'Wait for the seconds in Retry-After, then try again. A new password by "forgot password" ends the wait of a login.',
    retryable: true,
  },
  internal_error: {
    status: 500,
    title: 'The server made a mistake',
    remedy: 'Retry later; give the request id to the operator.',
    retryable: true,
  },
  overloaded: {
    status: 503,
    title: 'The server is busy',
    remedy: 'Wait for the seconds in Retry-After, then retry.',
    retryable: true,
  },
  unavailable: {
    status: 503,
    title: 'The server cannot work just now',
    remedy: 'Wait for the seconds in Retry-After, then retry.',
    retryable: true,
  },
} as const satisfies Record<string, CatalogueEntry>

export type CatalogueEntry = { status: number; title: string; remedy: string; retryable?: boolean }
export type ErrorCode = keyof typeof catalogue

/** Why a session ended; kept on the session for as long as the session is. */
export const endReasons = [
  'logout',
  'logout_others',
  'logout_all',
  'password_changed',
  'disabled',
  'deleted',
  'expired',
  'idle',
  'session_limit',
  'refresh_token_reuse',
  'admin',
  'key_compromise',
  'restored',
] as const
export type EndReason = (typeof endReasons)[number]

/** One field that was refused: a JSON pointer (RFC 6901) into the request, a short code and how to mend it. */
export type FieldError = { pointer: string; code: string; detail: string }

export type ErrorDetails = {
  /** What happened in this case and how to mend it; shown to the caller. Never holds a secret or an internal. */
  detail?: string
  errors?: FieldError[]
  /** Seconds after which a retry makes sense. */
  retryAfter?: number
  /** Where it differs from what the catalogue says. */
  retryable?: boolean
  endReason?: EndReason
  /** Which limit stood in the way: so many calls (in so many seconds). */
  limit?: { name: string; quota: number; window: number | null }
  /** For the log only. */
  cause?: unknown
}

/** The one error that flows and rooms throw on purpose; `http/replies.ts` turns it into an answer. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail ?? catalogue[code].title, { cause: details.cause })
    this.code = code
    this.details = details
  }

  get status(): number {
    return catalogue[this.code].status
  }
}
