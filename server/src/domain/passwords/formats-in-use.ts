import type { Recipe, Work } from './formats/format.ts'

// Two kinds of hash at a few costs; more would be an attack by import.
const most = 16

/**
 * The formats that stored hashes have. While there are several, a refused password takes as long as the slowest of them:
 * otherwise the time would tell an unknown address, which costs a hash of the wanted format, from one whose hash is older.
 */
export function formatsInUse(wanted: Recipe) {
  const met = new Map([[nameOf(wanted.work), wanted]])
  return {
    meet(recipe: Recipe): void {
      const name = nameOf(recipe.work)
      if (!met.has(name) && met.size < most) met.set(name, recipe)
    },
    recipes: (): Recipe[] => [...met.values()],
    /** Milliseconds that the slowest takes now; 0 while there is one only, as there is nothing to hide then. */
    expected: (expect: (work: Work) => number): number =>
      met.size === 1 ? 0 : Math.max(...[...met.values()].map(({ work }) => expect(work))),
  }
}

function nameOf({ kind, units }: Work): string {
  return `${kind} ${units}`
}
