import { createHash, createHmac } from 'node:crypto'
import { randomBytes } from '../../../random.ts'
import { bcryptWork, callBcrypt } from './bcrypt.ts'
import type { Format } from './format.ts'

/*
 * passlib's `bcrypt_sha256`: bcrypt over a base64 digest of 44 characters, so that every byte of the password counts
 * and none ends it. Version 2 keys the digest with the salt: an attacker cannot try a list of plain SHA-256 digests
 * from another leak ("shucking"), as with version 1.
 */
const second = /^\$bcrypt-sha256\$v=2,t=2[ab],r=(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/
const first = /^\$bcrypt-sha256\$2[ab],(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/

const cheapest = 4

export const bcryptSha256: Format = {
  read(text, limits) {
    const isSecond = second.test(text)
    const [, digits, salt, digest] = (isSecond ? second : first).exec(text) ?? []
    if (digest === undefined) return null
    const cost = Number(digits)
    if (cost < cheapest) return null
    if (cost > limits.bcryptCost) return 'too_costly'
    const shorten = isSecond ? keyedDigest : plainDigest
    return {
      work: bcryptWork(cost),
      reads: Number.POSITIVE_INFINITY,
      isAsWanted: (wanted) => isSecond && wanted.scheme === 'bcrypt' && wanted.cost === cost,
      call: (password) => callBcrypt(shorten(password, salt!), cost, salt!),
      digest,
    }
  },
}

/** A new hash string; `digest` is the part still to be computed. */
export function writeBcryptSha256(cost: number, salt: string, digest: string): string {
  return `$bcrypt-sha256$v=2,t=2b,r=${cost}$${salt}$${digest}`
}

const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Random characters for a salt or a digest: `bits` of them, in bcrypt's own base64, which has its own alphabet. */
export function randomBcryptText(bits: number): string {
  let text = ''
  const bytes = randomBytes(Math.ceil(bits / 6))
  for (const [index, byte] of bytes.entries()) {
    // The last character may carry fewer than six bits; passlib corrects salts whose idle bits are not 0.
    const idle = Math.max((index + 1) * 6 - bits, 0)
    text += alphabet[((byte & 0x3f) >> idle) << idle]
  }
  return text
}

function keyedDigest(password: string, salt: string): string {
  return createHmac('sha256', salt).update(password).digest('base64')
}

function plainDigest(password: string): string {
  return createHash('sha256').update(password).digest('base64')
}
