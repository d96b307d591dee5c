import type { Clock } from '../clock.ts'
import type { Problem } from '../contract.ts'
import { type AuthError, errorOfProblem, NetworkError, ServerError } from '../errors/errors.ts'
import { isTransient, readRetryAfter } from './retry.ts'

export type Wire = { fetch: typeof fetch; baseUrl: string; clock: Clock }

export type Ask = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
  headers?: Record<string, string>
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
export async function exchange(wire: Wire, ask: Ask): Promise<Answer> {
  const sent = wire.clock.wall()
  const timeout = AbortSignal.timeout(ask.timeoutMs)
  let response: Response
  let text: string
  try {
    response = await wire.fetch(wire.baseUrl + ask.path, {
      method: ask.method,
      headers: {
        accept: 'application/json',
        ...(ask.body !== undefined && { 'content-type': 'application/json' }),
        ...ask.headers,
      },
      ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
      ...(ask.keepalive && { keepalive: true }),
      signal: ask.signal ? AbortSignal.any([timeout, ask.signal]) : timeout,
      credentials: 'omit',
      cache: 'no-store',
      // A captive portal redirects to its own page; our server never redirects.
      redirect: 'error',
    })
    text = await response.text()
  } catch (cause) {
    throw unanswered(cause, ask)
  }
  const { status } = response
  const body = status === 204 ? undefined : parse(text)
  const received = wire.clock.wall()
  if (response.ok) {
    if (status !== 204 && typeof body !== 'object') throw notOurs(status, readRetryAfter(response.headers))
    return { status, body, sent, received }
  }
  throw errorOf(response, body)
}

/** The one place that decides whether an answer is a verdict of our server, or noise. */
function errorOf({ status, headers }: Response, body: unknown): AuthError {
  const header = readRetryAfter(headers)
  const ours = /^application\/problem\+json\b/i.test(headers.get('content-type') ?? '')
  const problem = body as Problem
  if (!ours || typeof problem?.code !== 'string') return notOurs(status, header)
  return errorOfProblem(problem, status, header ?? problem.retry_after)
}

function notOurs(status: number, retryAfter: number | undefined): AuthError {
  const details = { status, retryAfter, retryable: true }
  if (isTransient(status)) {
    return new ServerError('unavailable', `The server is not available (status ${status}).`, details)
  }
  const message = `The answer (status ${status}) is not of an NTT Auth server; something on the way gave it.`
  return new NetworkError('bad_response', message, details)
}

function unanswered(cause: unknown, { timeoutMs, signal }: Ask): AuthError {
  if (signal?.aborted) return new NetworkError('aborted', 'The call was aborted.', { cause })
  if ((cause as Error)?.name === 'TimeoutError') {
    return new NetworkError('timeout', `No answer within ${timeoutMs} ms.`, { cause, retryable: true })
  }
  return new NetworkError('network_unreachable', 'The server cannot be reached.', { cause, retryable: true })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a request surely never reached the server, as far as the runtime tells. */
export function wasNotSent(error: AuthError): boolean {
  const code = (error.cause as { cause?: { code?: string } } | undefined)?.cause?.code
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}
