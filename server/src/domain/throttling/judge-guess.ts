import { guessing } from './limits.ts'

/** Guesses in a row that were wrong, or are being judged. */
export type Guesses = { failures: number; lastAt: number }

/**
 * How long after a failure the next guess may come, in milliseconds.
 * @param failures how many there were in a row
 */
export function waitAfter(failures: number): number {
  const { free, firstWait, longestWait, most } = guessing
  if (failures < free) return 0
  if (failures >= most) return Number.POSITIVE_INFINITY
  return Math.min(longestWait, firstWait * 2 ** (failures - free))
}

/**
 * May one more guess be judged? It counts as wrong from here on: of a hundred that come at once, no more are judged than
 * may be, and a right one takes its failures back.
 * @param now milliseconds since 1970
 * @returns the guesses with this one; or null and for how long to wait, which has no end for an account that is locked
 */
export function judgeGuess(
  known: Guesses | undefined,
  now: number,
): { next: Guesses; wait: 0 } | { next: null; wait: number } {
  const { failures, lastAt } = known ?? { failures: 0, lastAt: now }
  const wait = waitAfter(failures)
  // A last guess far in the future is a clock that was set back, and no reason to wait.
  if (Math.abs(now - lastAt) < wait) return { next: null, wait: lastAt + wait - now }
  return { next: { failures: failures + 1, lastAt: now }, wait: 0 }
}

/** When the row may go; null: never. */
export function forgottenAt({ failures, lastAt }: Guesses): number | null {
  const { free, most, remembersFew, remembersMany } = guessing
  if (failures >= most) return null
  return lastAt + (failures < free ? remembersFew : remembersMany)
}
