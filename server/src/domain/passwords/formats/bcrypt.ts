import { type Format, ownBytes, type SlowCall } from './format.ts'

/** `$2b$12$<salt><digest>`, the same under `2a`, and under `2y` from PHP. `2x` marks a faulty hash and is refused. */
const shape = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/

const cheapest = 4
const longestPassword = 72

export const bcrypt: Format = {
  read(text, limits) {
    const [, digits, salt, digest] = shape.exec(text) ?? []
    if (digest === undefined) return null
    const cost = Number(digits)
    if (cost < cheapest) return null
    if (cost > limits.bcryptCost) return 'too_costly'
    return {
      work: bcryptWork(cost),
      reads: longestPassword,
      // Never what is wanted: bytes beyond the 72nd do not count here.
      isAsWanted: () => false,
      call: (password) => callBcrypt(password, cost, salt!),
      digest,
    }
  },
}

export function bcryptWork(cost: number) {
  return { kind: 'bcrypt', units: 2 ** cost } as const
}

export function callBcrypt(password: string, cost: number, salt: string): SlowCall {
  // The three names mark old flaws, not different results, and the library does not know 2y. It cuts at 72 bytes itself.
  return { kind: 'bcrypt', password: ownBytes(password), salt: `$2b$${String(cost).padStart(2, '0')}$${salt}` }
}
