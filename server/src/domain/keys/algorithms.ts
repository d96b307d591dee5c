import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { derOf, rawOf } from './ecdsa-form.ts'

/**
 * The signature algorithms we issue. Signing and verifying are synchronous on purpose: WebCrypto runs on the libuv pool,
 * where a busy neighbour turns a millisecond into seconds.
 */
export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

type Algorithm = {
  generate(): { publicKey: KeyObject; privateKey: KeyObject }
  sign(input: string, key: KeyObject): Buffer
  verify(input: string, key: KeyObject, signature: Buffer): boolean
}

export const algorithms: Record<SigningAlgorithm, Algorithm> = {
  ES256: {
    generate: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    sign: (input, key) => rawOf(sign('sha256', Buffer.from(input), key)),
    verify: (input, key, signature) =>
      signature.length === 64 && verify('sha256', Buffer.from(input), key, derOf(signature)),
  },
  EdDSA: {
    generate: () => generateKeyPairSync('ed25519'),
    sign: (input, key) => sign(null, Buffer.from(input), key),
    verify: (input, key, signature) => signature.length === 64 && verify(null, Buffer.from(input), key, signature),
  },
  RS256: {
    generate: () => generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 0x10001 }),
    sign: (input, key) => sign('sha256', Buffer.from(input), key),
    verify: (input, key, signature) => verify('sha256', Buffer.from(input), key, signature),
  },
}

export function isSigningAlgorithm(text: string): text is SigningAlgorithm {
  return Object.hasOwn(algorithms, text)
}
