import { type Clock, mostSkew } from '../clock.ts'
import type { Database } from './connect.ts'

type Asked = Pick<Database, 'time'>

/** By how much the database's clock is ahead of this node's, in milliseconds; null where it has none of its own. */
export async function clockSkew(database: Asked, clock: Clock): Promise<number | null> {
  const asked = clock.now()
  const theirs = await database.time()
  return theirs === null ? null : Math.round(theirs - (asked + clock.now()) / 2)
}

/** The time of a node and its database together; in milliseconds since 1970. */
export function commonTime(database: Asked, clock: Clock) {
  const skew = () => clockSkew(database, clock)
  let isFarOff = false
  return {
    skew,
    /** Measures whether the two differ by more than they may. */
    async measure() {
      isFarOff = Math.abs((await skew()) ?? 0) > mostSkew
      return isFarOff
    },
    /** Whether they did when that was measured last. */
    isFarOff: () => isFarOff,
    /** What all nodes have in common, for what they do in turn: the database's time, or this node's where it has none. */
    shared: async () => clock.now() + ((await skew()) ?? 0),
    /** The earlier of the two: what is over by this one is over whichever clock is wrong, and may be deleted. */
    earlier: async () => clock.now() + Math.min(0, (await skew()) ?? 0),
  }
}
