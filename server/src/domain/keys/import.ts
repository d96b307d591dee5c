import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { algorithms, type SigningAlgorithm } from './algorithms.ts'
import type { KeyPair } from './create.ts'
import { findWeakness } from './find-weakness.ts'

/** Why a key is not taken: a sentence for the operator, without anything of the key. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
}

const kidShape = /^[A-Za-z0-9_-]{1,64}$/

/**
 * A signing key as it comes from elsewhere: PKCS#8 in PEM, or a private JWK (RFC 7517).
 * @throws KeyRefused
 */
export function readSigningKey(text: string): KeyPair {
  const trimmed = text.trim()
  const { privateKey, jwk } = trimmed.startsWith('{') ? fromJwk(trimmed) : { privateKey: fromPem(trimmed), jwk: null }
  const algorithm = algorithmOf(privateKey)
  if (jwk?.alg !== undefined && jwk.alg !== algorithm) {
    throw new KeyRefused(`The key says it is for ${clip(jwk.alg)}, and a key of its kind is for ${algorithm}.`)
  }
  const weakness = findWeakness(privateKey)
  if (weakness !== null) throw new KeyRefused(weakness)
  const publicKey = createPublicKey(privateKey)
  const proof = 'does the public half belong to the private one?'
  if (!algorithms[algorithm].verify(proof, publicKey, algorithms[algorithm].sign(proof, privateKey))) {
    throw new KeyRefused('The private and the public half of the key do not belong together.')
  }
  return { algorithm, publicKey, privateKey, kid: kidOf(jwk) }
}

function fromPem(text: string): KeyObject {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1]
  if (label === undefined) {
    throw new KeyRefused(
      'This is neither a PEM file nor a JWK. It must start with "-----BEGIN PRIVATE KEY-----" or "{".',
    )
  }
  if (label === 'ENCRYPTED PRIVATE KEY') {
    throw new KeyRefused('The key is protected by a passphrase. Take it off: openssl pkcs8 -in FILE -out PLAIN_FILE')
  }
  if (/PUBLIC KEY|CERTIFICATE/.test(label)) {
    throw new KeyRefused('This holds a public key only; to sign, the private key is needed.')
  }
  if (label !== 'PRIVATE KEY') {
    throw new KeyRefused(`"${label}" is not PKCS#8. Convert it: openssl pkcs8 -topk8 -nocrypt -in FILE -out PKCS8_FILE`)
  }
  try {
    return createPrivateKey({ key: text, format: 'pem' })
  } catch {
    throw new KeyRefused('The PEM file is damaged: no private key can be read from it.')
  }
}

/** What both halves of a key have (RFC 7518 §6, RFC 8037 §2). */
const publicFields: Record<string, (keyof JsonWebKey)[]> = { EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'], RSA: ['n', 'e'] }

type Jwk = JsonWebKey & { kid?: unknown; alg?: unknown; use?: unknown; key_ops?: unknown; keys?: unknown }

function fromJwk(text: string): { privateKey: KeyObject; jwk: Jwk } {
  let jwk: Jwk
  try {
    jwk = JSON.parse(text)
  } catch {
    throw new KeyRefused('The file starts like a JWK, and is not JSON.')
  }
  if (jwk.keys !== undefined) throw new KeyRefused('This is a key set. Give one key: an entry of its "keys".')
  if (jwk.kty === 'oct') {
    throw new KeyRefused('This is a shared secret. Whoever can verify by it can sign, so none is used here.')
  }
  if (jwk.use !== undefined && jwk.use !== 'sig') {
    throw new KeyRefused(`The key is marked for another use ("use": "${clip(jwk.use)}"); one that signs has "sig".`)
  }
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('sign'))) {
    throw new KeyRefused('The key is marked for other operations ("key_ops"); one that signs has "sign".')
  }
  const missing = (publicFields[String(jwk.kty)] ?? []).some((field) => jwk[field] === undefined)
  if (missing) {
    const fields = publicFields[String(jwk.kty)]!.map((field) => `"${field}"`)
    throw new KeyRefused(
      `The JWK is not whole: a key of this kind has ${fields.join(', ').replace(/, ([^,]*)$/, ' and $1')}.`,
    )
  }
  if (jwk.d === undefined) throw new KeyRefused('This is a public key only; to sign, the private key is needed.')
  try {
    return { privateKey: createPrivateKey({ key: jwk, format: 'jwk' }), jwk }
  } catch {
    throw new KeyRefused('The JWK is damaged, or of a kind that is not known here: no private key can be read from it.')
  }
}

function kidOf(jwk: Jwk | null): string | null {
  if (jwk?.kid === undefined) return null
  if (typeof jwk.kid === 'string' && kidShape.test(jwk.kid)) return jwk.kid
  throw new KeyRefused('The key id ("kid") must be 1 to 64 characters of A–Z, a–z, 0–9, "-" and "_"; or leave it out.')
}

function algorithmOf(key: KeyObject): SigningAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return 'EdDSA'
  if (type === 'ec') {
    if (details?.namedCurve === 'prime256v1') return 'ES256'
    throw new KeyRefused(`The curve is ${details?.namedCurve ?? 'unknown'}; ES256 needs P-256 (prime256v1).`)
  }
  if (type === 'rsa') return 'RS256'
  throw new KeyRefused(`A key of the kind ${type} cannot sign here; it takes P-256, Ed25519 or RSA.`)
}

function clip(value: unknown): string {
  return String(value).slice(0, 20)
}
