import type { Problem } from '../contract.ts'
import { type AuthError, errorOfProblem, NetworkError, ServerError } from '../errors/errors.ts'
import type { Settings } from '../options.ts'
import { parse } from '../session/record.ts'
import { isTransient, readRetryAfter } from './retry.ts'

export type Wire = Pick<Settings, 'fetch' | 'baseUrl' | 'clock' | 'delivery'>

export type Ask = {
  /** POST, if left out. */
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
  headers?: Record<string, string> | undefined
  /** The page may go away: the request must not go with it. */
  keepalive?: boolean
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** `sent` and `received` are wall times of this machine. */
export type Answer = { status: number; body: unknown; sent: number; received: number }

/**
 * One request and its answer, once.
 * @throws AuthError, and nothing else
 */
export async function exchange({ fetch, baseUrl, clock, delivery }: Wire, ask: Ask): Promise<Answer> {
  const { method = 'POST', path, body, headers, keepalive = false } = ask
  const sent = clock.wall()
  let response: Response
  let text: string
  try {
    response = await fetch(baseUrl + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: JSON.stringify(body),
      keepalive,
      signal: either(ask),
      // Whether the browser adds its cookie, and keeps one that comes.
      credentials: delivery ? 'include' : 'omit',
      cache: 'no-store',
      // A captive portal redirects to its own page; our server never redirects.
      redirect: 'error',
    })
    text = await response.text()
  } catch (cause) {
    throw unanswered(cause, ask)
  }
  const { status, ok, headers: told } = response
  const answer = status === 204 ? undefined : parse(text)
  if (ok && answer !== null) return { status, body: answer, sent, received: clock.wall() }
  // The one place that decides whether an answer is a verdict of our server, or noise.
  const retryAfter = readRetryAfter(told)
  const isProblem = !ok && /^application\/problem\+json\b/i.test(told.get('content-type') ?? '')
  if (isProblem && typeof answer?.code === 'string') throw errorOfProblem(answer as Problem, status, retryAfter)
  throw notOurs(status, retryAfter)
}

export function notOurs(status: number, retryAfter?: number): AuthError {
  const details = { status, retryAfter, retryable: true }
  return isTransient(status)
    ? new ServerError('unavailable', `The server is not available (${status}).`, details)
    : new NetworkError('bad_response', `Something else than our server answered (${status}).`, details)
}

export type Patience = { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }

/** Aborts when the caller does, or when it takes too long. */
export function either({ signal, timeoutMs }: Patience): AbortSignal {
  const signals = [signal, timeoutMs !== undefined && AbortSignal.timeout(timeoutMs)]
  return AbortSignal.any(signals.filter((each) => !!each))
}

/** Why no answer came. */
export function unanswered(cause: unknown, { signal, timeoutMs }: Patience): NetworkError {
  if (signal?.aborted) return new NetworkError('aborted', 'The call was aborted.', { cause })
  const details = { cause, retryable: true }
  return (cause as Error)?.name === 'TimeoutError'
    ? new NetworkError('timeout', `No answer within ${timeoutMs} ms.`, details)
    : new NetworkError('network_unreachable', 'The server cannot be reached.', details)
}

/** Whether a request surely never reached the server, as far as the runtime tells. */
export function wasNotSent(error: AuthError): boolean {
  const cause = error.cause as { cause?: { code?: string } } | undefined
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(`${cause?.cause?.code}`)
}
