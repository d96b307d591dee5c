import { newId } from '../../random.ts'

/** The end of a chain that this process writes: the next line follows on `hash`. */
export type Lane = {
  readonly writer: string
  readonly startedAt: number
  /** Of the last line that was committed; 0 before the first. */
  seq: number
  hash: Buffer
}

/**
 * The chains of this process. Whoever writes takes a free one, or a new one where none is free: nobody waits, no row is
 * hot, and no two transactions ever follow on the same line.
 */
export type Lanes = {
  /** @param now milliseconds since 1970 */
  take(now: number): Lane
  /** After the commit. */
  advance(lane: Lane, seq: number, hash: Buffer): void
  /** The transaction was undone: the chain ends where it ended. */
  release(lane: Lane): void
  /** How many lines were committed since the start. */
  written(): number
}

/** A chain is as long as half a day at most, so that old ones can be removed whole. */
export const laneLife = 12 * 60 * 60 * 1000

/** What the first line of a chain follows on. */
export const firstHash = Buffer.alloc(32)

/** A lane that is neither advanced nor released is never used again: nobody knows where it ends. */
export function openLanes(): Lanes {
  let free: Lane[] = []
  let written = 0
  return {
    take(now) {
      free = free.filter(({ startedAt }) => now < startedAt + laneLife && now > startedAt - laneLife)
      return free.pop() ?? { writer: newId(now), startedAt: now, seq: 0, hash: firstHash }
    },
    advance(lane, seq, hash) {
      written += seq - lane.seq
      lane.seq = seq
      lane.hash = hash
      free.push(lane)
    },
    release: (lane) => void free.push(lane),
    written: () => written,
  }
}
