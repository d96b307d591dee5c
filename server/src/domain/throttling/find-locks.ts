import type { Db } from '../../database/connect.ts'
import { type Guesses, waitAfter } from './judge-guess.ts'
import { guessing } from './limits.ts'
import { listGuesses } from './store.ts'

/** Why nobody gets into an account by its password now, known devices aside. */
export type Lock = {
  reason: 'wrong_passwords' | 'too_many_wrong_passwords'
  failures: number
  /** Milliseconds since 1970; null: only an unlocking or a new password helps. */
  until: number | null
}

export function lockOf({ failures, lastAt }: Guesses, now: number): Lock | null {
  if (failures >= guessing.most) return { reason: 'too_many_wrong_passwords', failures, until: null }
  const wait = waitAfter(failures)
  // As `judgeGuess` has it: a last guess far in the future is a clock that was set back.
  return Math.abs(now - lastAt) < wait ? { reason: 'wrong_passwords', failures, until: lastAt + wait } : null
}

/** @param names of accounts @returns those that are locked */
export async function findLocks(db: Db, names: string[], now: number): Promise<Map<string, Lock>> {
  const locks = new Map<string, Lock>()
  if (names.length === 0) return locks
  for (const { name, failures, last_at } of await listGuesses(db, names)) {
    const lock = lockOf({ failures, lastAt: last_at }, now)
    if (lock) locks.set(name, lock)
  }
  return locks
}
