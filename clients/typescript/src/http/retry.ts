/** When a failed attempt is made again. Times are milliseconds. */
export type RetryPolicy = {
  /** The first wait is random between 0 and this, each further one between 0 and twice as much. Default 250. */
  baseMs: number
  /** The longest wait of our own while somebody waits. Default 4000. */
  capMs: number
  /** The longest wait between two refreshes when nobody waits. Default 300 000. */
  backgroundCapMs: number
}

export const defaultRetry: RetryPolicy = { baseMs: 250, capMs: 4000, backgroundCapMs: 300_000 }

const transient = new Set([408, 425, 429, 500, 502, 503, 504])

/** @param status of an answer that was an error */
export function isTransient(status: number): boolean {
  return transient.has(status) || (status >= 520 && status <= 530)
}

/**
 * Full jitter, so that clients that failed together do not come back together.
 * @param attempt counted from 1
 */
export function backoff(attempt: number, base: number, cap: number): number {
  return Math.random() * Math.min(cap, base * 2 ** Math.min(attempt - 1, 30))
}

/**
 * What the server asked for, and a little more at random.
 * @param retryAfter seconds
 */
function spread(retryAfter: number): number {
  return retryAfter * 1000 * (1 + Math.random() * 0.1)
}

/** How long to wait after an error: as long as the server said, and `own` at least. */
export function pauseOf({ retryAfter = 0 }: { retryAfter?: number | undefined }, own: number): number {
  return Math.max(spread(retryAfter), own)
}

/**
 * RFC 9110 §10.2.3: seconds, or a date, which is read against the server's own clock.
 * @returns seconds, at least 0; undefined when there is none
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value)
  const [until, now] = [Date.parse(value), Date.parse(headers.get('date') ?? '')]
  if (Number.isNaN(until)) return undefined
  return Math.max(0, (until - (Number.isNaN(now) ? Date.now() : now)) / 1000)
}
