/** Why a token is refused, for logs; callers of your service learn only what `code` says. */
export type RefusalReason =
  | 'malformed'
  | 'type'
  | 'key_unknown'
  | 'algorithm'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'not_yet_valid'
  | 'expired'
  | 'revoked'

/** The access token is not good: answer 401. */
export class TokenRefusedError extends Error {
  /** What a caller of your service may learn. */
  readonly code: 'invalid_token' | 'token_expired' | 'token_revoked'
  /** For your logs. */
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`The access token is refused (${reason}).`)
    this.name = 'TokenRefusedError'
    this.reason = reason
    this.code = reason === 'expired' ? 'token_expired' : reason === 'revoked' ? 'token_revoked' : 'invalid_token'
  }
}

/** It cannot be told whether the token is good: answer 503, never 401, or every client would refresh. */
export class VerifierUnavailableError extends Error {
  readonly code = 'verifier_unavailable'
  /** Seconds. */
  readonly retryAfter = 5

  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'VerifierUnavailableError'
  }
}
