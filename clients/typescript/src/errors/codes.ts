// Generated from contract/errors.json by scripts/generate.ts.

/** Every `code` that the server answers with. */
export type ServerCode =
  /** The request cannot be read. */
  | 'malformed_request'
  /** The link is no good. */
  | 'invalid_one_time_token'
  /** E-mail or password is wrong. */
  | 'invalid_credentials'
  /** The service credential is wrong. */
  | 'invalid_client'
  /** No access token was sent. */
  | 'unauthenticated'
  /** The access token is not valid here. */
  | 'invalid_token'
  /** The access token has expired. */
  | 'token_expired'
  /** The access token was revoked. */
  | 'token_revoked'
  /** The refresh token was not issued by this server. */
  | 'invalid_refresh_token'
  /** The session has ended. */
  | 'session_ended'
  /** Not allowed for this caller. */
  | 'forbidden'
  /** This page may not use the session cookie. */
  | 'origin_not_allowed'
  /** A recent login is needed. */
  | 'reauthentication_required'
  /** The current password is wrong. */
  | 'invalid_password'
  /** The e-mail address is not verified yet. */
  | 'email_not_verified'
  /** The account is disabled. */
  | 'account_disabled'
  /** Registration is closed. */
  | 'registration_closed'
  /** There is no such thing here. */
  | 'not_found'
  /** The next signing key has not been published for long enough. */
  | 'rotation_too_soon'
  /** This path does not know that method. */
  | 'method_not_allowed'
  /** The e-mail address has an account. */
  | 'email_taken'
  /** This is the last active administrator. */
  | 'last_admin'
  /** The service has two secrets already. */
  | 'secrets_full'
  /** A newer refresh token was issued. */
  | 'refresh_superseded'
  /** The request body is too large. */
  | 'payload_too_large'
  /** The URL is too long. */
  | 'uri_too_long'
  /** The body has the wrong content type. */
  | 'unsupported_media_type'
  /** Some fields are not acceptable. */
  | 'validation_failed'
  /** The password is too short. */
  | 'password_too_short'
  /** The password is among the most common ones. */
  | 'password_too_common'
  /** The password is the e-mail address or the name. */
  | 'password_too_similar'
  /** The request headers are too large. */
  | 'headers_too_large'
  /** Too many attempts. */
  | 'rate_limited'
  /** The server made a mistake. */
  | 'internal_error'
  /** The server is busy. */
  | 'overloaded'
  /** The server cannot work just now. */
  | 'unavailable'
