import type { App } from '../app.ts'
import { leewaySeconds, mintAccessToken } from '../domain/tokens/access-token.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'

/** What a client gets after register, login, refresh and password change. Durations are seconds, times milliseconds. */
export type Tokens = {
  accessToken: string
  expiresIn: number
  refreshIn: number
  refreshToken: string
  refreshExpiresIn: number
  sessionId: string
  generation: number
  serverTime: number
  user: User
}

/** What the tokens are given for. */
export type Grant = 'register' | 'login' | 'refresh' | 'password_change'

// With these a session has begun.
const beginnings: ReadonlySet<Grant> = new Set(['register', 'login'])

type TokenSubject = {
  grant: Grant
  id: string
  generation: number
  createdAt: number
  /** When the refresh token lapses. */
  expiresAt: number
}

// Clients refresh in the last quarter of an access token's life.
const refreshAfter = 0.75

/** A moment before a user was read: the time, and which revocations this node knew. */
export type AsOf = { at: number; learned: number }

export function asOfNow(app: App): AsOf {
  return { at: app.clock.now(), learned: app.revocations.learned() }
}

/**
 * Mints the tokens of a session at its generation. Called after the commit: nothing is handed out that was not kept.
 * @param asOf before the user was read. The token counts as issued then: should the user's sessions end between reading and
 *   minting, a revocation by time hits it as well
 */
export function issueTokens(app: App, session: TokenSubject, user: User, asOf: AsOf): Tokens {
  if (beginnings.has(session.grant)) app.meter.count('ntt_auth_sessions_started_total', {})
  const signer = app.keyring.signer()
  if (!signer) throw new AppError('unavailable', { retryAfter: 1, cause: 'there is no active signing key' })
  const now = app.clock.now()
  const seconds = issuedAt(app, user.id, asOf)
  const life = Math.floor(app.config.accessTokenTtl / 1000)
  const accessToken = mintAccessToken(signer, {
    iss: app.config.issuer,
    aud: app.config.audience,
    sub: user.id,
    client_id: 'ntt-auth',
    iat: seconds,
    nbf: Math.floor(asOf.at / 1000),
    exp: seconds + life,
    jti: newId(now),
    sid: session.id,
    roles: user.roles,
    roles_id: user.rolesId,
    auth_time: Math.floor(session.createdAt / 1000),
  })
  const { grant } = session
  app.meter.count('ntt_auth_tokens_issued_total', { grant, type: 'access' })
  app.meter.count('ntt_auth_tokens_issued_total', { grant, type: 'refresh' })
  return {
    accessToken,
    expiresIn: life,
    refreshIn: Math.floor(life * refreshAfter),
    refreshToken: app.refreshTokens.mint(session.id, session.generation),
    refreshExpiresIn: Math.max(0, Math.floor((session.expiresAt - now) / 1000)),
    sessionId: session.id,
    generation: session.generation,
    serverTime: now,
    user,
  }
}

/**
 * What was revoked before the user was read says nothing of this token: who logs in right after the journal of ends has
 * repeated a logout everywhere, by the clock of another node or in the very second, must not be met by it.
 * @returns seconds since 1970, within what every verifier forgives of clocks
 */
function issuedAt(app: App, userId: string, { at, learned }: AsOf): number {
  const before = app.revocations.userBefore(userId, learned)
  const isNear = before - at < leewaySeconds * 500
  return Math.max(Math.floor(at / 1000), isNear ? Math.floor(before / 1000) + 1 : 0)
}
