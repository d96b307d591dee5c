import { randomBytes } from '../../../random.ts'
import { digestLength, saltLength, writeArgon2id } from './argon2.ts'
import { randomBcryptText, writeBcryptSha256 } from './bcrypt-sha256.ts'
import type { Recipe, Wanted } from './format.ts'
import { readHash } from './read.ts'

/** A hash string of the wanted scheme with a fresh salt: `fill` completes it with the digest. */
export type Blank = { recipe: Recipe; fill(digest: string): string }

/**
 * Until it is filled, the digest is random: no password is known that yields it, yet verifying it costs what
 * verifying a real one costs.
 */
export function newBlank(wanted: Wanted): Blank {
  const { fill, digest } = wanted.scheme === 'bcrypt' ? blankBcrypt(wanted.cost) : blankArgon2id()
  const recipe = readHash(fill(digest))
  if (typeof recipe === 'string') throw new RangeError(`the wanted password hash is out of bounds: ${recipe}`)
  return { recipe, fill }
}

function blankBcrypt(cost: number) {
  const salt = randomBcryptText(128)
  return { digest: randomBcryptText(184), fill: (digest: string) => writeBcryptSha256(cost, salt, digest) }
}

function blankArgon2id() {
  const salt = randomBytes(saltLength)
  const digest = randomBytes(digestLength).toString('base64').replaceAll('=', '')
  return { digest, fill: (digest: string) => writeArgon2id(salt, digest) }
}
