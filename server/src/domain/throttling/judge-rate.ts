import type { Rate } from './limits.ts'

const clocksDiffer = 60_000

/**
 * May one more call pass? A bucket is kept as the time at which it will be empty again (ATM's generic cell rate
 * algorithm): one number, nothing to be counted down.
 * @param emptyAt undefined: nothing is known of it, so it is empty
 * @returns when it will be empty with this call in it; or null and for how long to wait, in milliseconds
 */
export function judgeRate(
  { burst, every }: Rate,
  emptyAt: number | undefined,
  now: number,
): { next: number; wait: 0 } | { next: null; wait: number } {
  const level = (emptyAt ?? now) - now
  // More than ever fits, and not because clocks differ a little: one was set back.
  const left = level < 0 || level > burst * every + clocksDiffer ? 0 : level
  const wait = left - (burst - 1) * every
  return wait > 0 ? { next: null, wait } : { next: now + left + every, wait: 0 }
}
