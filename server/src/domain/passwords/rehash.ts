import type { Wanted } from './formats/format.ts'
import { readHash } from './formats/read.ts'

/**
 * Whether a hash differs from what is made today, also when it is the dearer one: while all hashes cost the same,
 * the time of an answer does not tell which account exists.
 */
export function needsRehash(hash: string, wanted: Wanted): boolean {
  const recipe = readHash(hash)
  return typeof recipe === 'string' || !recipe.isAsWanted(wanted)
}
