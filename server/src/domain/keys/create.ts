import { createHash, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { SigningKeyRow } from '../../database/schema.ts'
import { algorithms, type SigningAlgorithm } from './algorithms.ts'
import { numberOf } from './number-of.ts'
import { seal } from './seal.ts'

/** A new key pair as a row, in state `next`; its id is the JWK thumbprint (RFC 7638). */
export function createSigningKey(algorithm: SigningAlgorithm, masterKeys: Buffer[], now: number): SigningKeyRow {
  const { publicKey, privateKey } = algorithms[algorithm].generate()
  return signingKeyRow({ algorithm, publicKey, privateKey, kid: null }, masterKeys, now)
}

export type KeyPair = {
  algorithm: SigningAlgorithm
  publicKey: KeyObject
  privateKey: KeyObject
  /** The id under which others know it; null takes the thumbprint. */
  kid: string | null
}

/** A key pair as a row in state `next`. @param now milliseconds since 1970 */
export function signingKeyRow(pair: KeyPair, masterKeys: Buffer[], now: number): SigningKeyRow {
  const jwk = pair.publicKey.export({ format: 'jwk' })
  const kid = pair.kid ?? thumbprint(jwk)
  return {
    kid,
    algorithm: pair.algorithm,
    state: 'next',
    public_jwk: JSON.stringify({ ...jwk, kid, alg: pair.algorithm, use: 'sig' }),
    sealed_private: seal(masterKeys, kid, pair.privateKey.export({ format: 'der', type: 'pkcs8' })),
    created_at: now,
    activated_at: null,
    retired_at: null,
    revoked_at: null,
  }
}

/**
 * Whether who knows the private half of one key knows that of the other: the same key by whatever name, one of the same
 * modulus or with a prime in common, or the same point mirrored.
 */
export function sharesSecret(one: JsonWebKey, other: JsonWebKey): boolean {
  if (one.kty !== other.kty) return false
  if (one.kty === 'RSA') return commonDivisor(numberOf(one.n), numberOf(other.n)) > 1n
  return one.crv === other.crv && one.x === other.x
}

function commonDivisor(one: bigint, other: bigint): bigint {
  let [more, less] = [one, other]
  while (less > 0n) [more, less] = [less, more % less]
  return more
}

const thumbprintMembers = ['crv', 'e', 'kty', 'n', 'x', 'y'] as const

/** RFC 7638: the same for the same public key, whatever it is called. */
export function thumbprint(jwk: JsonWebKey): string {
  const members = thumbprintMembers.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]])
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}
