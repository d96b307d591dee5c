import type { Refusal } from './take.ts'

/**
 * The refusals of the last moments: a flood from one source costs this node a look into its memory. They are believed
 * for so short a time that an unlocking elsewhere is heard of soon.
 */
export type Refusals = {
  remember(refusal: Refusal, now: number): void
  /** What still stands in the way of one of these, or null. */
  find(names: string[], now: number): Refusal | null
  forget(name: string): void
}

export const believedFor = 5000

/** @param most how many are kept; the oldest goes first */
export function refusals(most = 100_000): Refusals {
  const known = new Map<string, { refusal: Refusal; at: number }>()
  return {
    remember(refusal, now) {
      known.delete(refusal.name)
      known.set(refusal.name, { refusal, at: now })
      if (known.size > most) known.delete(known.keys().next().value!)
    },
    find(names, now) {
      for (const name of names) {
        const one = known.get(name)
        if (!one) continue
        const age = now - one.at
        const wait = one.refusal.wait - age
        if (age >= 0 && age < believedFor && wait > 0) return { ...one.refusal, wait }
        known.delete(name)
      }
      return null
    },
    forget(name) {
      known.delete(name)
    },
  }
}
