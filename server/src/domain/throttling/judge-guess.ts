import { guessing } from './limits.ts'

/** Guesses in a row that were wrong, or are being judged. */
export type Guesses = { failures: number; lastAt: number }

/** How many are judged at most, and whether the next one waits before that. */
export type Allowance = { most: number; waits: boolean }

export const allowances = {
  /** Of an account, by strangers. */
  account: { most: guessing.most, waits: true },
  /** Of one known device; how many it are in the end, all of them together have to answer for. */
  device: { most: Number.POSITIVE_INFINITY, waits: true },
  /** Of all known devices of an account: none waits because of another. */
  devices: { most: guessing.mostOfDevices, waits: false },
} as const satisfies Record<string, Allowance>

/**
 * How long after a failure the next guess may come, in milliseconds.
 * @param failures how many there were in a row
 */
export function waitAfter(failures: number, { most, waits }: Allowance = allowances.account): number {
  const { free, firstWait, longestWait } = guessing
  if (failures >= most) return Number.POSITIVE_INFINITY
  if (failures < free || !waits) return 0
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
  allowance: Allowance = allowances.account,
): { next: Guesses; wait: 0 } | { next: null; wait: number } {
  const { failures, lastAt } = known ?? { failures: 0, lastAt: now }
  const wait = waitAfter(failures, allowance)
  // A last guess far in the future is a clock that was set back, and no reason to wait.
  if (Math.abs(now - lastAt) < wait) return { next: null, wait: lastAt + wait - now }
  return { next: { failures: failures + 1, lastAt: now }, wait: 0 }
}

/** When the row may go; null: never. */
export function forgottenAt({ failures, lastAt }: Guesses, { most }: Allowance = allowances.account): number | null {
  const { free, remembersFew, remembersMany } = guessing
  if (failures >= most) return null
  return lastAt + (failures < free ? remembersFew : remembersMany)
}
