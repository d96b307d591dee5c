import type { Work } from './formats/format.ts'

/** Milliseconds per unit of work until the first measurement: of a slow machine, so that too little is admitted. */
const guess: Record<Work['kind'], number> = {
  bcrypt: 400 / 2 ** 12,
  argon2: 60 / (19456 * 2),
  'pbkdf2-sha1': 250 / 600_000,
  'pbkdf2-sha256': 250 / 600_000,
  'pbkdf2-sha512': 250 / 210_000,
  scrypt: 1200 / 2 ** 20,
  phpass: 25 / 2 ** 13,
}

/** A kind that a later version knows is none here. */
export function isKind(kind: string): kind is Work['kind'] {
  return Object.hasOwn(guess, kind)
}

/** Of a moving average. */
export const weightOfNewest = 0.2

/** How long a slow call takes on this machine just now: a moving average (EWMA) for each kind of work. */
export function startPace() {
  const perUnit = { ...guess }
  const measured = new Set<Work['kind']>()
  return {
    expect: ({ kind, units }: Work): number => perUnit[kind] * units,
    learn({ kind, units }: Work, milliseconds: number): void {
      const newest = milliseconds / units
      perUnit[kind] = measured.has(kind) ? perUnit[kind] + weightOfNewest * (newest - perUnit[kind]) : newest
      measured.add(kind)
    },
  }
}
