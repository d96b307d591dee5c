import { type Format, type Limits, ownBytes, type Recipe, unpadded } from './format.ts'

const shortestDigest = 16

/** `scrypt:<N>:<r>:<p>$<salt>$<digest in hex>`: Werkzeug; the salt is the text itself. */
const werkzeugShape = /^scrypt:([1-9]\d{0,9}):([1-9]\d{0,9}):([1-9]\d{0,9})\$([^$]{1,64})\$((?:[0-9a-f]{2}){16,64})$/
/** `scrypt$<N>$<salt>$<r>$<p>$<digest>`: Django; the salt is the text itself. */
const djangoShape =
  /^scrypt\$([1-9]\d{0,9})\$([^$]{1,128})\$([1-9]\d{0,9})\$([1-9]\d{0,9})\$([A-Za-z0-9+/]{22,88}={0,2})$/
/** `$scrypt$ln=<log2 N>,r=<r>,p=<p>$<salt>$<digest>`: passlib. */
const passlibShape =
  /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]{1,86})\$([A-Za-z0-9+/]{22,86})$/

export const scrypt: Format = {
  read: (text, limits) => readWerkzeug(text, limits) ?? readDjango(text, limits) ?? readPasslib(text, limits),
}

function readWerkzeug(text: string, limits: Limits) {
  const [, n, r, p, salt, stored] = werkzeugShape.exec(text) ?? []
  if (stored === undefined) return null
  return recipeOf(Number(n), Number(r), Number(p), Buffer.from(salt!), Buffer.from(stored, 'hex'), limits)
}

function readDjango(text: string, limits: Limits) {
  const [, n, salt, r, p, stored] = djangoShape.exec(text) ?? []
  if (stored === undefined) return null
  return recipeOf(Number(n), Number(r), Number(p), Buffer.from(salt!), Buffer.from(stored, 'base64'), limits)
}

function readPasslib(text: string, limits: Limits) {
  const [, ln, r, p, salt, stored] = passlibShape.exec(text) ?? []
  if (stored === undefined) return null
  const bytes = (part: string) => Buffer.from(part, 'base64')
  return recipeOf(2 ** Number(ln), Number(r), Number(p), bytes(salt!), bytes(stored), limits)
}

function recipeOf(cost: number, blockSize: number, parallelism: number, salt: Buffer, stored: Buffer, limits: Limits) {
  if (stored.length < shortestDigest) return null
  const work = scryptWork(cost, blockSize, parallelism, limits)
  if (work === null || work === 'too_costly') return work
  return {
    work,
    reads: Number.POSITIVE_INFINITY,
    isAsWanted: () => false,
    call: (password) => ({
      kind: 'scrypt',
      password: ownBytes(password),
      salt,
      cost,
      blockSize,
      parallelism,
      length: stored.length,
    }),
    digest: unpadded(stored),
  } satisfies Recipe
}

/** @returns null where scrypt is not defined (RFC 7914 §2) */
export function scryptWork(cost: number, blockSize: number, parallelism: number, limits: Limits) {
  const isPowerOfTwo = cost > 1 && Number.isInteger(Math.log2(cost))
  if (!isPowerOfTwo || Math.log2(cost) >= 16 * blockSize) return null
  // Each lane is filled and emptied by PBKDF2, which takes as long as four steps of N: with N = 2 and many lanes that is
  // most of the time. It bounds the buffers of the lanes as well, which lie beside the large one.
  const units = (cost + 4) * blockSize * parallelism
  if (cost * blockSize > limits.scryptMemory || units > limits.scryptWork) return 'too_costly'
  return { kind: 'scrypt', units } as const
}
