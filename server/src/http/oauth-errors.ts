import { catalogue, type ErrorCode } from '../errors.ts'

const named: Partial<Record<ErrorCode, string>> = {
  invalid_client: 'invalid_client',
  forbidden: 'unauthorized_client',
  internal_error: 'server_error',
  overloaded: 'temporarily_unavailable',
  rate_limited: 'temporarily_unavailable',
  unavailable: 'temporarily_unavailable',
}

/**
 * What clients of RFC 7009 and RFC 7662 look for in an error (RFC 6749 §5.2 and, for 429 and 5xx, §4.1.2.1). There is no
 * `unsupported_token_type`: both kinds can be revoked, and a hint may be wrong.
 */
export function oauthErrorOf(code: ErrorCode): string {
  return named[code] ?? (catalogue[code].status >= 500 ? 'server_error' : 'invalid_request')
}

/**
 * Those clients read nothing but `application/json`, which RFC 6749 §5.2 asks for. Whoever says so gets it; our own
 * type, which says more, is for everybody else.
 */
export function wantsPlainJson(accept: string | undefined): boolean {
  return (
    accept !== undefined && /\bapplication\/json\b/i.test(accept) && !/\bapplication\/problem\+json\b/i.test(accept)
  )
}
