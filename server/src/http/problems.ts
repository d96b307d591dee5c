import { AppError, catalogue, type ErrorCode } from '../errors.ts'
import { oauthErrorOf } from './oauth-errors.ts'

/** An error as it goes over the wire: RFC 9457 with our members. */
export type Problem = {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  request_id: string
  /** Only where OAuth clients call. */
  error?: string
  errors?: { pointer: string; code: string; detail: string }[]
  retryable: boolean
  retry_after?: number
  session_ended: boolean
  end_reason: string | null
}

export const problemType = 'application/problem+json; charset=utf-8'

/**
 * @param base where the error pages lie, e.g. `https://auth.example.com/docs/errors`
 * @param oauth with the member `error` as well
 */
export function problemOf(error: AppError, requestId: string, base: string, oauth = false): Problem {
  const { code, details } = error
  const entry: { status: number; title: string; remedy: string; retryable?: boolean } = catalogue[code]
  return {
    type: `${base}/${code}`,
    title: entry.title,
    status: entry.status,
    code,
    ...(oauth && { error: oauthErrorOf(code) }),
    detail: details.detail ?? entry.remedy,
    request_id: requestId,
    ...(details.errors && { errors: details.errors }),
    retryable: details.retryable ?? entry.retryable ?? false,
    ...(details.retryAfter !== undefined && { retry_after: details.retryAfter }),
    session_ended: code === 'session_ended',
    end_reason: details.endReason ?? null,
  }
}

/** Headers that belong to the error (RFC 6750 §3, RFC 9110 §10.2.3). */
export function headersOf(error: AppError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': problemType, 'cache-control': 'no-store' }
  if (error.code === 'invalid_client') {
    headers['www-authenticate'] = 'Basic realm="ntt-auth", charset="UTF-8"'
  } else if (error.status === 401) {
    // A request without credentials gets no error code, RFC 6750 §3.1.
    headers['www-authenticate'] = error.code === 'unauthenticated' ? 'Bearer' : 'Bearer error="invalid_token"'
  }
  const { retryAfter, limit } = error.details
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  if (limit) {
    // draft-ietf-httpapi-ratelimit-headers-11: structured fields, and Retry-After wins.
    const window = limit.window === null ? '' : `;w=${limit.window}`
    headers['ratelimit-policy'] = `"${limit.name}";q=${limit.quota}${window}`
    headers.ratelimit = `"${limit.name}";r=0;t=${retryAfter}`
  }
  return headers
}

type FastifyLikeError = { code?: string; statusCode?: number; message?: string }

const ofFastify: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
}

/** Whatever was thrown, as one of ours; what is not known becomes `internal_error`, its text for the log only. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const { code, statusCode } = (thrown ?? {}) as FastifyLikeError
  const known = code === undefined ? undefined : ofFastify[code]
  if (known) return new AppError(known, { cause: thrown })
  // The body stopped short, or its length was a lie: Fastify marks what breaks while a body is read. By its code alone
  // such an error could be one of the database.
  if (statusCode === 400) return new AppError('malformed_request', { cause: thrown })
  return new AppError('internal_error', { cause: thrown })
}
