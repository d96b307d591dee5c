import type { Clock } from '../clock.ts'
import type { AuthError } from '../errors/errors.ts'

/** When a failed attempt is made again. Times are milliseconds. */
export type RetryPolicy = {
  /** The first wait is random between 0 and this, each further one between 0 and twice as much. Default 250. */
  baseMs: number
  /** The longest wait of our own while somebody waits. Default 4000. */
  capMs: number
  /** The longest wait of our own between two refreshes when nobody waits. Default 300 000. */
  backgroundCapMs: number
}

export const defaultRetry: RetryPolicy = { baseMs: 250, capMs: 4000, backgroundCapMs: 300_000 }

/** @param status of an answer that was an error */
export function isTransient(status: number): boolean {
  return /^(408|42[59]|50[0234]|52.|530)$/.test(`${status}`)
}

/**
 * Full jitter, so that clients that failed together do not come back together.
 * @param attempt counted from 1
 */
export function backoff(attempt: number, base: number, cap: number): number {
  return Math.random() * Math.min(cap, base * 2 ** (attempt - 1))
}

/** How long to wait after an error: as long as the server said and a little more at random, and `own` at least. */
export function pauseOf({ retryAfter = 0 }: Pick<AuthError, 'retryAfter'>, own: number): number {
  return Math.max(retryAfter * 1000 * (1 + Math.random() * 0.1), own)
}

/**
 * Waits before another try.
 * @param attempt how many were made, or 0 to go on at once unless the server says otherwise
 * @param deadline by the monotonic clock
 * @returns false, at once, where another try is of no use or would come too late
 */
export async function mayTryAgain(
  { clock, retry }: { clock: Clock; retry: RetryPolicy },
  error: AuthError,
  attempt: number,
  deadline: number,
): Promise<boolean> {
  const wait = pauseOf(error, attempt && backoff(attempt, retry.baseMs, retry.capMs))
  if (!error.retryable || !(clock.monotonic() + wait <= deadline)) return false
  await clock.sleep(wait)
  return true
}

/**
 * RFC 9110 §10.2.3: seconds, or a date, which is read against the server's own clock.
 * @returns seconds, at least 0; undefined when there is none
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? ''
  const now = Date.parse(headers.get('date') ?? '') || Date.now()
  const seconds = /^[\d. ]+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}
