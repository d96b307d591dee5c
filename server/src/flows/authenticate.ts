import type { App } from '../app.ts'
import { type AccessClaims, leewaySeconds, verifyAccessToken } from '../domain/tokens/access-token.ts'
import { AppError } from '../errors.ts'
import { lostSight, refuseWhenBlind } from './know-revocations.ts'

export type Caller = { claims: AccessClaims; kid: string }

/**
 * Whose access token is this, right now? Looks at signature, claims, expiry and the live set of revocations; synchronous
 * and without the database, because every request passes here.
 * @throws AppError `invalid_token`, `token_expired` or `token_revoked`; `unavailable` where a node that has lost sight of
 *   revocations is set to refuse
 */
export function authenticate(app: App, token: string): Caller {
  const isClosed = app.config.revocationFailure === 'closed'
  // By such a clock good tokens are over.
  if (isClosed && app.time.isFarOff()) throw lostSight(app)
  const now = app.clock.now()
  const verified = app.verifiedTokens.get(token) ?? verifyOnce(app, token, now)
  if (verified.claims.exp <= now / 1000 - leewaySeconds) throw new AppError('token_expired')
  if (!app.keyring.verifier(verified.kid)) throw new AppError('invalid_token')
  if (isClosed) refuseWhenBlind(app)
  if (app.revocations.has(verified.claims, verified.kid)) throw new AppError('token_revoked')
  return verified
}

/** The token names a key that this node does not know; another one may have made it just now. */
class UnknownKey extends AppError {
  constructor() {
    super('invalid_token')
  }
}

/**
 * The same; but a key that this node has not met is looked for in the database before the token is refused. Keys are
 * published long before they sign, so this happens in an emergency only.
 */
export function authenticateOrAsk(app: App, token: string): Caller | Promise<Caller> {
  try {
    return authenticate(app, token)
  } catch (error) {
    if (error instanceof UnknownKey) return authenticateAfterReading(app, token)
    throw error
  }
}

async function authenticateAfterReading(app: App, token: string): Promise<Caller> {
  let failure: unknown
  await app.keys.again().catch((error) => (failure = error))
  try {
    return authenticate(app, token)
  } catch (error) {
    // Whether it is good cannot be said; the caller must not take it for a refusal.
    if (error instanceof UnknownKey && failure) throw new AppError('unavailable', { retryAfter: 1, cause: failure })
    throw error
  }
}

function verifyOnce(app: App, token: string, now: number): Caller {
  const verdict = verifyAccessToken(token, app.accessTokenRules, Math.floor(now / 1000))
  if (!verdict.ok) {
    app.log.debug({ reason: verdict.reason }, 'access token refused')
    if (verdict.unknownKey) throw new UnknownKey()
    throw new AppError(verdict.expired ? 'token_expired' : 'invalid_token')
  }
  const verified = { claims: verdict.claims, kid: verdict.kid }
  app.verifiedTokens.set(token, verified)
  return verified
}
