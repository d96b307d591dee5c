import type { Clock } from '../clock.ts'
import type { Problem } from '../contract.ts'
import { type AuthError, errorOfProblem, NetworkError, ServerError } from '../errors/errors.ts'
import { parse } from '../session/record.ts'
import { isTransient, readRetryAfter } from './retry.ts'

/** `credentials`: whether the browser adds its cookie, and keeps one that comes. */
export type Wire = { fetch: typeof fetch; baseUrl: string; clock: Clock; credentials: 'omit' | 'include' }

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
      body: JSON.stringify(ask.body) ?? null,
      keepalive: !!ask.keepalive,
      signal: either(ask.timeoutMs, ask.signal),
      credentials: wire.credentials,
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
    if (body === null) throw notOurs(status, readRetryAfter(response.headers))
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
  return new NetworkError('bad_response', `Something on the way answered (status ${status}), not the server.`, details)
}

function unanswered(cause: unknown, { timeoutMs, signal }: Ask): AuthError {
  if (signal?.aborted) return cutOff(cause)
  if ((cause as Error)?.name === 'TimeoutError') return cutOff(cause, timeoutMs)
  return new NetworkError('network_unreachable', 'The server cannot be reached.', { cause, retryable: true })
}

/** Aborts when either does. */
export function either(timeoutMs: number | undefined, signal: AbortSignal | undefined): AbortSignal {
  const signals = [signal, timeoutMs !== undefined && AbortSignal.timeout(timeoutMs)]
  return AbortSignal.any(signals.filter((each) => !!each))
}

/** @param timeoutMs what it took too long for; without, the caller gave up */
export function cutOff(cause: unknown, timeoutMs?: number): NetworkError {
  const late = timeoutMs !== undefined
  const message = late ? `No answer within ${timeoutMs} ms.` : 'The call was aborted.'
  return new NetworkError(late ? 'timeout' : 'aborted', message, { cause, retryable: late })
}

/** Whether a request surely never reached the server, as far as the runtime tells. */
export function wasNotSent(error: AuthError): boolean {
  const { cause } = (error.cause ?? {}) as { cause?: { code?: string } }
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(cause?.code ?? '')
}
