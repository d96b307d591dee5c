import type { Tx } from '../../database/connect.ts'
import { type Allowance, forgottenAt, type Guesses, judgeGuess } from './judge-guess.ts'
import { judgeRate } from './judge-rate.ts'
import type { Limiter, Rate } from './limits.ts'
import {
  deleteGuesses,
  drainBucket,
  fillBucket,
  findBucket,
  findGuesses,
  insertBucket,
  insertGuesses,
  replaceBucket,
  replaceGuesses,
  returnGuess,
} from './store.ts'

/** What a call has to pass. */
export type Counted = {
  /** The first is whose wait is told of. */
  guesses: { name: string; limiter: 'account' | 'device'; allowance: Allowance }[]
  rates: { name: string; limiter: Limiter; rate: Rate }[]
}

/** What stood in the way, and for how long, in milliseconds. */
export type Refusal = { name: string; limiter: Limiter; rate: Rate | null; wait: number }

/** Undoes the transaction in which a call could not pass: what refuses it is the only one to have counted it, or none. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(`refused by ${refusal.limiter}`)
    this.refusal = refusal
  }
}

/** Somebody counted at the same time: the transaction is to be done again. */
export class CountedMeanwhile extends Error {}

/**
 * Lets a call pass everything that counts it; or nothing, because what refuses it throws.
 * @returns the guesses with this one, where they are counted
 * @throws Refused; CountedMeanwhile, or the error of a duplicate
 */
export async function take(tx: Tx, { guesses, rates }: Counted, now: number): Promise<Guesses | null> {
  const taken: Guesses[] = []
  for (const each of guesses) taken.push(await takeGuess(tx, each, now))
  // Last, because many share them: a row is held until the commit.
  for (const each of inOrder(rates)) await takeRate(tx, each, now)
  return taken[0] ?? null
}

async function takeGuess(
  tx: Tx,
  { name, limiter, allowance }: Counted['guesses'][number],
  now: number,
): Promise<Guesses> {
  const row = (await findGuesses(tx, { name })).rows[0]
  const { next, wait } = judgeGuess(row && { failures: row.failures, lastAt: row.last_at }, now, allowance)
  if (!next) throw new Refused({ name, limiter, rate: null, wait })
  const to = { name, failures: next.failures, last_at: next.lastAt, forgotten_at: forgottenAt(next, allowance) }
  if (!row) await insertGuesses(tx, to)
  // Only as it was read, so that no two guesses count as one.
  else if (!(await replaceGuesses(tx, to, row))) throw new CountedMeanwhile()
  return next
}

async function takeRate(tx: Tx, { name, limiter, rate }: Counted['rates'][number], now: number): Promise<void> {
  if (await fillBucket(tx, name, rate, now)) return
  const emptyAt = await findBucket(tx, name)
  const { next, wait } = judgeRate(rate, emptyAt, now)
  if (next === null) throw new Refused({ name, limiter, rate, wait })
  if (emptyAt === undefined) await insertBucket(tx, name, next)
  else if (!(await replaceBucket(tx, name, next, emptyAt))) throw new CountedMeanwhile()
}

/** What was let pass turned out to be right: the failures before it are forgotten, and the rates have lost nothing. */
export async function forgive(tx: Tx, { guesses, rates }: Counted): Promise<void> {
  for (const { name } of guesses) await deleteGuesses(tx, name)
  for (const { name, rate } of inOrder(rates)) await drainBucket(tx, name, rate.every)
}

/** What was let pass was not judged at all. */
export async function giveBack(tx: Tx, { guesses, rates }: Counted): Promise<void> {
  for (const { name } of guesses) await returnGuess(tx, name)
  for (const { name, rate } of inOrder(rates)) await drainBucket(tx, name, rate.every)
}

/** Everybody touches rows in one order, so that nobody waits in a circle. */
function inOrder<T extends { name: string }>(rates: T[]): T[] {
  return rates.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}
