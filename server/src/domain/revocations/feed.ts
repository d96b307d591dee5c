import { unplaced } from './place.ts'
import type { RevocationRow } from './store.ts'

/** Whether a revocation was made by this process or read from the database. */
export type Origin = 'here' | 'elsewhere'

/** Hears how long a revocation took from the act to its effect on this node, by the clocks of both. */
export type LagObserver = (milliseconds: number, origin: Origin) => void

/** What this node has read of the feed of revocations, shared by everybody who is told of them. */
export type Feed = {
  /** The last place that was read. */
  head(): number
  /**
   * The rows behind a place, or the first of them, down to the end of a batch; null when they are not at hand any more
   * and have to be read.
   */
  behind(position: number, limit?: number): RevocationRow[] | null
  /** Takes over what was read, in the order of places. What has none yet is left out. */
  append(rows: RevocationRow[]): void
  /** The database went back: what was read is no longer its history. */
  restart(): void
  /** How many times it did. */
  restarts(): number
  /** Tells the listener of every change from now on. @returns how to stop that */
  listen(listener: () => void): () => void
  /** Asks for a reading soon: this process has revoked something. */
  wake(): void
  onWake(reader: () => void): void
  observe: LagObserver
  onLag(observer: LagObserver): void
  /** The database was read to the end just now. @param at `performance.now()` when the reading began */
  confirm(at: number): void
  /** Milliseconds since the database was last read to the end; by a clock that nobody can set. */
  age(): number
}

/** @param kept how many rows stay at hand: whoever falls behind by more reads the database, or is dropped */
export function revocationFeed(kept = 10_000): Feed {
  let rows: RevocationRow[] = []
  let head = 0
  /** Everything behind this place is at hand. */
  let floor = 0
  let restarts = 0
  let readAt = Number.NEGATIVE_INFINITY
  let wake = () => {}
  const listeners = new Set<() => void>()
  const observers = new Set<LagObserver>()
  const tell = () => {
    for (const listener of listeners) listener()
  }

  return {
    head: () => head,
    behind(position, limit = rows.length) {
      if (position < floor) return null
      const first = firstBehind(rows, position)
      const last = rows[first + limit - 1]
      return rows.slice(first, last && firstBehind(rows, last.position))
    },
    append(read) {
      const placed = read.filter((row) => row.position > head && row.position !== unplaced)
      if (placed.length === 0) return
      rows = rows.concat(placed)
      head = rows.at(-1)!.position
      if (rows.length > kept) {
        // A batch leaves as a whole: they share a place.
        const last = rows[rows.length - kept - 1]!.position
        rows = rows.slice(firstBehind(rows, last))
        floor = last
      }
      tell()
    },
    restart() {
      rows = []
      head = 0
      floor = 0
      restarts++
      tell()
    },
    restarts: () => restarts,
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    wake: () => wake(),
    onWake(reader) {
      wake = reader
    },
    observe(milliseconds, origin) {
      for (const observer of observers) observer(Math.max(0, milliseconds), origin)
    },
    onLag(observer) {
      observers.add(observer)
    },
    confirm(at) {
      readAt = at
    },
    age: () => performance.now() - readAt,
  }
}

/** The index of the first row behind a place. Rows are sorted, so half of what is left is ruled out each time. */
function firstBehind(rows: RevocationRow[], position: number): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.position > position) high = middle
    else low = middle + 1
  }
  return low
}
