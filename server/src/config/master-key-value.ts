import { masked } from './secrets.ts'
import type { Value } from './values.ts'

export const masterKeyLength = 32
export const makeMasterKey = `openssl rand -base64 32 | tr '+/' '-_' | tr -d '='`

/** 32 random bytes in base64url. */
export function masterKey(): Value<Buffer> {
  return {
    form: '32 random bytes in base64url (43 characters)',
    read(text) {
      const key = Buffer.from(text, 'base64url')
      // Decoding is lenient; writing it again shows padding, foreign characters and stray bits.
      if (key.toString('base64url') !== text) throw new Error('A key is not base64url (A-Z a-z 0-9 - _, no padding).')
      if (key.length !== masterKeyLength)
        throw new Error(`A key has ${key.length} bytes instead of ${masterKeyLength}.`)
      if (!looksRandom(key)) throw new Error('A key is not random.')
      return key
    },
    write: () => masked,
  }
}

/** Finds repetition and counting only; 32 random bytes fail less than once in 2^60. */
function looksRandom(key: Buffer): boolean {
  const steps = new Set(key.subarray(1).map((byte, index) => byte - key[index]!))
  return new Set(key).size >= 12 && steps.size >= 8
}
