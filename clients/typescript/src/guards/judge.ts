import { type Check, check, isText, listOf } from '../check.ts'
import { misconfigured } from '../options.ts'
import { TokenRefusedError, VerifierUnavailableError } from '../verify/errors.ts'
import type { Claims } from '../verify/token.ts'
import type { Verifier } from '../verify/verifier.ts'

/** What a caller must fulfil; others get 403. */
export type Requirements = {
  /** Each of them. */
  roles?: readonly string[]
  /** How long ago the login may be, in seconds. */
  freshWithin?: number
}

/** Who calls, as a guard hands it on. */
export type Auth = {
  /** All that the token says. */
  readonly claims: Claims
  /** Its `sub`. */
  readonly userId: string
  /** Its `sid`. */
  readonly sessionId: string
  readonly roles: readonly string[]
}

export type Verdict = { auth: Auth } | { refusal: { status: number; headers: Record<string, string>; body: string } }

const requirements: Record<string, Check> = {
  roles: listOf(isText, 'names'),
  freshWithin: [(value) => typeof value === 'number' && value >= 0, 'be a number of seconds'],
}

/**
 * Says at once what a guard cannot work with: one that guessed would let in whom it should not.
 * @throws ConfigurationError
 */
export function checkGuard(verifier: Verifier, need: Requirements): void {
  if (typeof verifier?.verify !== 'function') throw misconfigured('requireAuth needs what createVerifier made.')
  check('requireAuth', need, requirements)
}

/** What every guard does, whatever the framework: reads the header, asks the verifier, and has an answer for refusals. */
export async function judge(
  verifier: Verifier,
  authorization: string | undefined,
  need: Requirements,
): Promise<Verdict> {
  if (authorization === undefined || authorization === '') return refuse(401, 'unauthenticated', 'Bearer')
  const token = /^Bearer +([^ ]+)$/i.exec(authorization)?.[1]
  if (token === undefined) return refuse(401, 'invalid_token', 'Bearer error="invalid_token"')
  let claims: Claims
  try {
    claims = await verifier.verify(token)
  } catch (error) {
    if (error instanceof TokenRefusedError) return refuse(401, error.code, 'Bearer error="invalid_token"')
    if (error instanceof VerifierUnavailableError) return refuse(503, 'overloaded', undefined, error.retryAfter)
    throw error
  }
  if (!(need.roles ?? []).every((role) => claims.roles.includes(role))) return refuse(403, 'forbidden')
  if (need.freshWithin !== undefined && Date.now() / 1000 - claims.auth_time > need.freshWithin) {
    return refuse(403, 'reauthentication_required')
  }
  return { auth: Object.freeze({ claims, userId: claims.sub, sessionId: claims.sid, roles: claims.roles }) }
}

const titles: Record<string, string> = {
  unauthenticated: 'No access token was sent',
  invalid_token: 'The access token is not valid here',
  token_expired: 'The access token has expired',
  token_revoked: 'The access token was revoked',
  overloaded: 'It cannot be told right now whether the access token is good',
  forbidden: 'Not allowed for this caller',
  reauthentication_required: 'A recent login is needed',
}

/** What a page of another origin must be able to read of a refusal, or its client could not react. */
const exposed = 'WWW-Authenticate, Retry-After'

/** @param before what the application exposes to such pages already */
export function exposing(headers: Record<string, string>, before: unknown): Record<string, string> {
  const others = before === undefined || before === null || before === '' ? '' : `${before}, `
  return { ...headers, 'access-control-expose-headers': `${others}${exposed}` }
}

function refuse(status: number, code: string, challenge?: string, retryAfter?: number): Verdict {
  const title = titles[code]!
  const retryable = retryAfter !== undefined
  const body = { type: 'about:blank', title, status, code, detail: `${title}.`, retryable, session_ended: false }
  const headers = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(challenge !== undefined && { 'www-authenticate': challenge }),
    ...(retryable && { 'retry-after': String(retryAfter) }),
  }
  return {
    refusal: { status, headers, body: JSON.stringify({ ...body, ...(retryable && { retry_after: retryAfter }) }) },
  }
}
