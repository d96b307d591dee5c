import { type Format, type Limits, ownBytes, type Pbkdf2Digest, type Recipe, unpadded } from './format.ts'

/** Bytes that one block of PBKDF2 yields. */
const blockLengths: Record<Pbkdf2Digest, number> = { sha1: 20, sha256: 32, sha512: 64 }
const shortestDigest = 16

/** `pbkdf2_sha256$<iterations>$<salt>$<digest>`: Django; the salt is the text itself. */
const djangoShape = /^pbkdf2_(sha1|sha256)\$([1-9]\d{0,9})\$([^$]{1,128})\$([A-Za-z0-9+/]{22,172}={0,2})$/
/** `pbkdf2:sha256:<iterations>$<salt>$<digest in hex>`: Werkzeug; the salt is the text itself. */
const werkzeugShape = /^pbkdf2:(sha1|sha256|sha512):([1-9]\d{0,9})\$([^$]{1,128})\$((?:[0-9a-f]{2}){16,64})$/
/** `$pbkdf2-sha256$<iterations>$<salt>$<digest>`: passlib, which writes base64 with "." for "+"; `$pbkdf2$` is SHA-1. */
const passlibShape = /^\$pbkdf2(-sha256|-sha512)?\$([1-9]\d{0,9})\$([A-Za-z0-9./]{1,128})\$([A-Za-z0-9./]{22,172})$/
/** `$pbkdf2-sha256$i=<iterations>,l=<length>$<salt>$<digest>`: PHC strings, also what to write for Keycloak. */
const phcShape =
  /^\$pbkdf2-(sha1|sha256|sha512)\$i=([1-9]\d{0,9})(?:,l=([1-9]\d{0,3}))?\$([A-Za-z0-9+/]{1,128}={0,2})\$([A-Za-z0-9+/]{22,172}={0,2})$/

export const pbkdf2: Format = {
  read: (text, limits) =>
    readDjango(text, limits) ?? readWerkzeug(text, limits) ?? readPasslib(text, limits) ?? readPhc(text, limits),
}

function readDjango(text: string, limits: Limits) {
  const [, digest, iterations, salt, stored] = djangoShape.exec(text) ?? []
  if (stored === undefined) return null
  return recipeOf(digest as Pbkdf2Digest, iterations!, Buffer.from(salt!), Buffer.from(stored, 'base64'), limits)
}

function readWerkzeug(text: string, limits: Limits) {
  const [, digest, iterations, salt, stored] = werkzeugShape.exec(text) ?? []
  if (stored === undefined) return null
  return recipeOf(digest as Pbkdf2Digest, iterations!, Buffer.from(salt!), Buffer.from(stored, 'hex'), limits)
}

function readPasslib(text: string, limits: Limits) {
  const match = passlibShape.exec(text)
  if (match === null) return null
  const [, name = '-sha1', iterations, salt, stored] = match
  const bytes = (part: string) => Buffer.from(part.replaceAll('.', '+'), 'base64')
  return recipeOf(name.slice(1) as Pbkdf2Digest, iterations!, bytes(salt!), bytes(stored!), limits)
}

function readPhc(text: string, limits: Limits) {
  const [, digest, iterations, length, salt, stored] = phcShape.exec(text) ?? []
  if (stored === undefined) return null
  const bytes = Buffer.from(stored, 'base64')
  if (length !== undefined && Number(length) !== bytes.length) return null
  return recipeOf(digest as Pbkdf2Digest, iterations!, Buffer.from(salt!, 'base64'), bytes, limits)
}

function recipeOf(
  digest: Pbkdf2Digest,
  iterationsText: string,
  salt: Uint8Array,
  stored: Buffer,
  limits: Limits,
): Recipe | 'too_costly' | null {
  const iterations = Number(iterationsText)
  if (stored.length < shortestDigest) return null
  if (iterations > limits.pbkdf2Iterations) return 'too_costly'
  // Blocks are computed one by one and each needs all iterations. The first alone tells passwords apart, and whoever
  // guesses passwords would compute no more either.
  const length = Math.min(stored.length, blockLengths[digest])
  const kind = `pbkdf2-${digest}` as const
  return {
    work: { kind, units: iterations },
    reads: Number.POSITIVE_INFINITY,
    isAsWanted: () => false,
    call: (password) => ({ kind, password: ownBytes(password), salt, iterations, length }),
    digest: unpadded(stored.subarray(0, length)),
  }
}
