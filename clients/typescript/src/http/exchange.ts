import type { Problem } from '../contract.ts'
import { type AuthError, classes, errorOfProblem, NetworkError, ServerError } from '../errors/errors.ts'
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
  signal: AbortSignal
}

/** `sent` and `received` are wall times of this machine. */
export type Answer = { status: number; body: unknown; sent: number; received: number }

/**
 * One request and its answer, once.
 * @throws AuthError, and nothing else
 */
export async function exchange({ fetch, baseUrl, clock, delivery }: Wire, ask: Ask): Promise<Answer> {
  const { method = 'POST', path, body, headers, keepalive, signal } = ask
  const sent = clock.wall()
  let response: Response
  let text: string
  try {
    signal.throwIfAborted()
    response = await fetch(baseUrl + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: JSON.stringify(body),
      keepalive: keepalive!,
      signal,
      // Whether the browser adds its cookie, and keeps one that comes.
      credentials: delivery ? 'include' : 'omit',
      cache: 'no-store',
      // A captive portal redirects to its own page; our server never does. Not "error", which workers of a CDN do not know.
      redirect: 'manual',
    })
    text = await response.text()
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw new NetworkError('network_unreachable', 'The server cannot be reached.', { cause, retryable: true })
  }
  const { status, ok, headers: told } = response
  const answer = status === 204 ? undefined : parse(text)
  if (ok && answer !== null) return { status, body: answer, sent, received: clock.wall() }
  // The one place that decides whether an answer is a verdict of our server, or noise.
  const retryAfter = readRetryAfter(told)
  const isProblem = /^application\/problem\+json\b/i.test(told.get('content-type') ?? '')
  if (isProblem && typeof answer?.code === 'string') throw errorOfProblem(answer as Problem, status, retryAfter)
  throw notOurs(status, retryAfter)
}

/** A proxy answered in the place of our server, or something that is neither. */
export function notOurs(status: number, retryAfter?: number): AuthError {
  const [Class, code] = isTransient(status)
    ? [classes[status] ?? ServerError, 'unavailable']
    : [NetworkError, 'bad_response']
  // A page for people may say any time; the longest pause that we would make of our own must do.
  const wait = retryAfter && Math.min(retryAfter, 300)
  return new Class(code, `No answer of our server (${status}).`, { status, retryAfter: wait, retryable: true })
}

/** Whether a request surely never reached the server, as far as the runtime tells. */
export function wasNotSent(error: AuthError): boolean {
  const cause = error.cause as { cause?: { code?: string } } | undefined
  // ECONNREFUSED, EREFUSED, ENOTFOUND, EAI_AGAIN and its like: nobody was there to send it to.
  return /REFUSED|NOTFOUND|EAI/.test(`${cause?.cause?.code}`)
}
