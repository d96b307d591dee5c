import { Buffer } from 'node:buffer'
import { type KeyObject, verify as verifySignature } from 'node:crypto'
import { derOf, rawLength } from './ecdsa-form.ts'
import { TokenRefusedError } from './errors.ts'
import { parseStrict } from './json.ts'

/** What an access token says (RFC 9068). Times are seconds since 1970. */
export type Claims = {
  /** The server. */
  readonly iss: string
  /** Whom it is for. */
  readonly aud: string | readonly string[]
  /** The user. */
  readonly sub: string
  readonly client_id: string
  readonly jti: string
  /** The session. */
  readonly sid: string
  readonly roles: readonly string[]
  /** Of these roles as they were given; absent: the user's own id. */
  readonly roles_id?: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  /** When the user last gave a password. */
  readonly auth_time: number
}

/** How tokens may be signed; nothing with a shared secret. */
export type Algorithm = 'ES256' | 'EdDSA' | 'RS256'
export type VerifyingKey = { kid: string; alg: Algorithm; key: KeyObject }
export type Parsed = { kid: string; signed: Buffer; signature: Buffer; payload: string }
export type Expected = { issuer: string; audience: string; leewaySeconds: number; maxTtlSeconds: number }

const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const headerMembers = new Set(['alg', 'kid', 'typ'])

/**
 * Everything that can be said of a token without a key, and before one is asked for.
 * @throws TokenRefusedError
 */
export function parseToken(token: string): Parsed & { alg: string } {
  if (!shape.test(token)) throw new TokenRefusedError('malformed')
  const [head, payload, signature] = token.split('.') as [string, string, string]
  const header = objectOf(decode(head))
  // No crit, b64, zip, jwk, jku, x5c …: what a token brings along is not believed.
  for (const name of Object.keys(header)) if (!headerMembers.has(name)) throw new TokenRefusedError('malformed')
  const { alg, kid, typ } = header
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ)) throw new TokenRefusedError('type')
  if (typeof kid !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(kid)) throw new TokenRefusedError('malformed')
  if (typeof alg !== 'string') throw new TokenRefusedError('algorithm')
  const signed = Buffer.from(`${head}.${payload}`)
  return { alg, kid, signed, signature: decodeBytes(signature), payload }
}

/** @throws TokenRefusedError unless the key made this signature, by the key's own algorithm */
export function checkSignature(
  { alg, signed, signature }: Parsed & { alg: string },
  { alg: own, key }: VerifyingKey,
): void {
  if (alg !== own) throw new TokenRefusedError('algorithm')
  if (own === 'ES256' && signature.length !== rawLength) throw new TokenRefusedError('signature')
  // Synchronously: WebCrypto would queue behind whatever else the thread pool has to do. The bare key: given options, Node
  // takes a third longer.
  const bytes = own === 'ES256' ? derOf(signature) : signature
  if (!verifySignature(own === 'EdDSA' ? null : 'sha256', signed, key, bytes)) throw new TokenRefusedError('signature')
}

/** @throws TokenRefusedError; times are checked apart, because they are checked again later */
export function readClaims({ payload }: Parsed, { issuer, audience, leewaySeconds, maxTtlSeconds }: Expected): Claims {
  const claims = objectOf(decode(payload))
  if (claims.iss !== issuer) throw new TokenRefusedError('issuer')
  const { aud } = claims
  const audiences = Array.isArray(aud) ? aud : [aud]
  if (!audiences.every((each) => typeof each === 'string')) throw new TokenRefusedError('audience')
  if (!audiences.includes(audience)) throw new TokenRefusedError('audience')
  for (const name of ['sub', 'jti', 'sid', 'client_id']) {
    const value = claims[name]
    if (typeof value !== 'string' || value === '' || value.length > 255) throw new TokenRefusedError('claims')
  }
  for (const name of ['exp', 'iat', 'auth_time', ...('nbf' in claims ? ['nbf'] : [])]) {
    if (!Number.isSafeInteger(claims[name]) || (claims[name] as number) < 0) throw new TokenRefusedError('claims')
  }
  const { roles, roles_id } = claims
  if (roles_id !== undefined && (typeof roles_id !== 'string' || roles_id === '')) throw new TokenRefusedError('claims')
  if (!Array.isArray(roles) || !roles.every((each) => typeof each === 'string')) throw new TokenRefusedError('claims')
  const read = claims as unknown as Claims
  if (read.exp - read.iat > maxTtlSeconds + leewaySeconds) throw new TokenRefusedError('claims')
  Object.freeze(roles)
  return Object.freeze(read)
}

/** @param now seconds */
export function checkTimes({ exp, iat, nbf }: Claims, now: number, leeway: number): void {
  if (exp <= now - leeway) throw new TokenRefusedError('expired')
  if (iat > now + leeway || (nbf ?? 0) > now + leeway) throw new TokenRefusedError('not_yet_valid')
}

function decodeBytes(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  // Only the canonical form: otherwise one signature could be written in several ways.
  if (bytes.toString('base64url') !== part) throw new TokenRefusedError('malformed')
  return bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(part: string): string {
  const bytes = decodeBytes(part)
  try {
    return utf8.decode(bytes)
  } catch {
    throw new TokenRefusedError('malformed')
  }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return parseStrict(text)
  } catch {
    throw new TokenRefusedError('malformed')
  }
}
