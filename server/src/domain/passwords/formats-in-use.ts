import type { Recipe, Work } from './formats/format.ts'

/**
 * The formats that stored hashes have. While there are several, a refused password takes as long as the slowest of them:
 * otherwise the time would tell an unknown address, which costs a hash of the wanted format, from one whose hash is older.
 */
export function formatsInUse(wanted: Recipe) {
  // Of each kind the dearest: within a kind, time grows in step with the units.
  const dearest = new Map([[wanted.work.kind, wanted]])
  let several = false
  // What is known by its cost alone.
  const told = new Map<Work['kind'], Work>()
  return {
    /** Another node has met it: there is no hash to measure by, the first real one does that. */
    know(work: Work): void {
      if (dearest.get(work.kind)?.work.units !== work.units) several = true
      const known = told.get(work.kind)
      if (known === undefined || known.units < work.units) told.set(work.kind, work)
    },
    meet(recipe: Recipe): void {
      const { kind, units } = recipe.work
      const known = dearest.get(kind)
      if (known?.work.units !== units) several = true
      if (known === undefined || known.work.units < units) dearest.set(kind, recipe)
    },
    recipes: (): Recipe[] => [...dearest.values()],
    /** Milliseconds that the slowest takes now; 0 while there is one only, as there is nothing to hide then. */
    expected: (expect: (work: Work) => number): number =>
      several ? Math.max(...[...[...dearest.values()].map(({ work }) => work), ...told.values()].map(expect)) : 0,
  }
}
