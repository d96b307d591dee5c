import type { Tx } from '../../database/connect.ts'
import { advanceFeedHead, insertFeedHead, listUnplacedIds, placeRevocations, readFeedHead } from './store.ts'

/** The place of a row that has none yet: after every other, so that a reader of the feed never passes it by. */
export const unplaced = Number.MAX_SAFE_INTEGER

/** So many share one place at most; a page of the feed must hold more. */
export const largestBatch = 200

/**
 * Gives the revocations that were committed since the last call their place in the feed. Whoever gives a place holds the
 * feed's one row until the commit, so places become visible in their order: a reader who has seen one has seen all
 * before it, whenever their transactions began, and whatever the clocks of their nodes said.
 * @param now milliseconds since 1970; places follow it where they can, so that they go on growing after a restore
 * @returns how many got one; fewer than there are when another node is at it, which then does the rest
 */
export async function placeNext(tx: Tx, now: number): Promise<number> {
  const ids = await listUnplacedIds(tx, unplaced, largestBatch)
  if (ids.length === 0) return 0
  const head = await readFeedHead(tx)
  const next = Math.max(head + 1, now)
  if (head === 0) await insertFeedHead(tx, next)
  else if (!(await advanceFeedHead(tx, head, next))) return 0
  await placeRevocations(tx, ids, unplaced, next)
  return ids.length
}
