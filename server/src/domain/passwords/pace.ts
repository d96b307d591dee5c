import type { Work } from './formats/format.ts'

type Seen = { milliseconds: number; units: number }

/** What usual hashes take on a slow machine: until the first measurement, so that too little is admitted. */
const guess: Record<Work['kind'], Seen> = {
  bcrypt: { milliseconds: 400, units: 2 ** 12 },
  argon2: { milliseconds: 60, units: 19456 * 2 },
  'pbkdf2-sha1': { milliseconds: 250, units: 600_000 },
  'pbkdf2-sha256': { milliseconds: 250, units: 600_000 },
  'pbkdf2-sha512': { milliseconds: 250, units: 210_000 },
  scrypt: { milliseconds: 1200, units: 2 ** 20 },
  phpass: { milliseconds: 25, units: 2 ** 13 },
}

/** A kind that a later version knows is none here. */
export function isKind(kind: string): kind is Work['kind'] {
  return Object.hasOwn(guess, kind)
}

/** Of a moving average. */
export const weightOfNewest = 0.2

/** Milliseconds beyond which it is not the computation that lasts, even on a machine much slower than we guess. */
export function mostOf(work: Work): number {
  return 8 * timeOf(guess[work.kind], work)
}

/**
 * How long a slow call takes on this machine just now: a moving average (EWMA) for each kind of work. Times and units
 * are averaged apart. The mean of their quotients would take a pause of the machine in a small hash for the time of a
 * unit, and expect minutes of a big one.
 */
export function startPace() {
  const seen = structuredClone(guess)
  const measured = new Set<Work['kind']>()
  return {
    expect: (work: Work): number => timeOf(seen[work.kind], work),
    learn({ kind, units }: Work, milliseconds: number): void {
      const average = seen[kind]
      // A usual hash says more than any guess; one that is much smaller does not.
      const weight = !measured.has(kind) && units >= average.units / 4 ? 1 : weightOfNewest
      average.milliseconds += weight * (milliseconds - average.milliseconds)
      average.units += weight * (units - average.units)
      if (weight === 1) measured.add(kind)
    },
  }
}

function timeOf(seen: Seen, work: Work): number {
  return (seen.milliseconds / seen.units) * work.units
}
