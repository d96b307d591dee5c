import { parseStrictJson } from './strict-json.ts'

/**
 * The claims of an access token (RFC 9068 §2.2), `sid`, the session's id, and `roles_id`, that of these roles as they
 * were given. Times are seconds since 1970.
 */
export type AccessClaims = {
  iss: string
  aud: string
  sub: string
  client_id: string
  iat: number
  nbf: number
  exp: number
  jti: string
  sid: string
  roles: string[]
  /** Absent: the user's own id, as before the first change. */
  roles_id?: string
  auth_time: number
}

/** Signs with one key; what is signed is the ASCII text `header.payload`. */
export type Signer = { kid: string; algorithm: string; sign(input: string): Buffer }

/** Checks a signature by the key of that id; a key has exactly one algorithm (RFC 8725 §3.1). */
export type VerifyingKey = { algorithm: string; verify(input: string, signature: Buffer): boolean }

/** How far clocks may lie apart. */
export const leewaySeconds = 30
/** No access token lives longer, whatever a node's settings were when it was made (`ACCESS_TOKEN_TTL` ends here). */
export const longestLifeSeconds = 3600
const longestToken = 8192
const compactShape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const kidShape = /^[A-Za-z0-9_-]{1,64}$/
const headerMembers = new Set(['alg', 'kid', 'typ'])
const deepestClaims = 8

/** The signed form of `claims`: a compact JWS with `typ: at+jwt`. */
export function mintAccessToken(signer: Signer, claims: AccessClaims): string {
  const input = `${headerOf(signer)}.${base64url(JSON.stringify(claims))}`
  return `${input}.${signer.sign(input).toString('base64url')}`
}

const headers = new WeakMap<Signer, string>()

function headerOf(signer: Signer): string {
  let header = headers.get(signer)
  if (header === undefined) {
    header = base64url(JSON.stringify({ alg: signer.algorithm, typ: 'at+jwt', kid: signer.kid }))
    headers.set(signer, header)
  }
  return header
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

export type AccessTokenRules = {
  keys: (kid: string) => VerifyingKey | undefined
  issuer: string
  audience: string
  /** Longest lifetime this server gives, in seconds. */
  longestLife: number
}

export type Verdict =
  | { ok: true; claims: AccessClaims; kid: string }
  /** `unknownKey`: nothing is wrong with it so far, but nobody here knows the key it names. */
  | { ok: false; expired: boolean; reason: string; unknownKey?: true }

/**
 * Verifies an access token (RFC 9068 §4, RFC 8725) in this order: shape, header, key, signature, and only then
 * claims. Says nothing about revocation. Never throws.
 * @param now seconds since 1970
 */
export function verifyAccessToken(token: string, rules: AccessTokenRules, now: number): Verdict {
  try {
    return verify(token, rules, now)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'unreadable')
  }
}

function verify(token: string, rules: AccessTokenRules, now: number): Verdict {
  let kid = ''
  const payload = openSigned(token, (head) => {
    if (typeof head.typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(head.typ)) return refuse('typ')
    if (typeof head.kid !== 'string' || !kidShape.test(head.kid)) return refuse('kid')
    kid = head.kid
    return rules.keys(kid) ?? { ok: false, expired: false, reason: 'unknown key', unknownKey: true }
  })
  if ('ok' in payload) return payload

  const claims = parseStrictJson(payload, deepestClaims)
  if (!isObject(claims)) return refuse('claims are not an object')
  const problem = wrongClaim(claims, rules, now)
  if (problem) return refuse(problem)
  if ((claims.exp as number) <= now - leewaySeconds) return { ok: false, expired: true, reason: 'expired' }
  return { ok: true, claims: claims as AccessClaims, kid }
}

type Refusal = Extract<Verdict, { ok: false }>

/**
 * What was signed, once everything about the signature is right; nothing of it has been read yet.
 * @param keyFor the key for a header, or why there is none
 * @throws SyntaxError when the header is no JSON as we read it
 */
export function openSigned(
  token: string,
  keyFor: (head: Record<string, unknown>) => VerifyingKey | Refusal,
): Buffer | Refusal {
  if (token.length > longestToken) return refuse('too long')
  const parts = compactShape.exec(token)
  if (!parts) return refuse('not three base64url parts')
  const [header, payload, signature] = [canonical(parts[1]!), canonical(parts[2]!), canonical(parts[3]!)]
  if (!header || !payload || !signature) return refuse('a part is not canonical base64url')

  const head = parseStrictJson(header, 2)
  if (!isObject(head) || !Object.keys(head).every((name) => headerMembers.has(name))) return refuse('header members')
  const key = keyFor(head)
  if ('ok' in key) return key
  if (head.alg !== key.algorithm) return refuse('alg is not the one of the key')
  if (!key.verify(`${parts[1]}.${parts[2]}`, signature)) return refuse('signature')
  return payload
}

function refuse(reason: string): Refusal {
  return { ok: false, expired: false, reason }
}

/** The decoded part, or null when another spelling would decode alike. */
function canonical(part: string): Buffer | null {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 255
}

function wrongClaim(claims: Record<string, unknown>, rules: AccessTokenRules, now: number): string | null {
  const { iss, aud, sub, jti, sid, client_id, roles, roles_id, iat, nbf, exp, auth_time } = claims
  if (iss !== rules.issuer) return 'iss'
  if (!isAudience(aud, rules.audience)) return 'aud'
  if (![sub, jti, sid, client_id].every(isName)) return 'sub, jti, sid or client_id'
  if (roles_id !== undefined && !isName(roles_id)) return 'roles_id'
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) return 'roles'
  if (!isTime(exp) || !isTime(iat) || !isTime(auth_time)) return 'exp, iat or auth_time'
  if (nbf !== undefined && (!isTime(nbf) || nbf > now + leewaySeconds)) return 'nbf'
  if (iat > now + leewaySeconds) return 'iat is in the future'
  if (exp - iat > rules.longestLife + leewaySeconds) return 'lives too long'
  return null
}

function isAudience(aud: unknown, own: string): boolean {
  if (!Array.isArray(aud)) return aud === own
  return aud.every((entry) => typeof entry === 'string') && aud.includes(own)
}
