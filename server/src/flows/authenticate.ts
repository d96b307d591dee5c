import type { App } from '../app.ts'
import { type AccessClaims, leewaySeconds, verifyAccessToken } from '../domain/tokens/access-token.ts'
import { AppError } from '../errors.ts'
import { refuseWhenBlind } from './know-revocations.ts'

export type Caller = { claims: AccessClaims; kid: string }

/**
 * Whose access token is this, right now? Looks at signature, claims, expiry and the live set of revocations; synchronous
 * and without the database, because every request passes here.
 * @throws AppError `invalid_token`, `token_expired` or `token_revoked`; `unavailable` where a node that has lost sight of
 *   revocations is set to refuse
 */
export function authenticate(app: App, token: string): Caller {
  const now = app.clock.now()
  const verified = app.verifiedTokens.get(token) ?? verifyOnce(app, token, now)
  if (verified.claims.exp <= now / 1000 - leewaySeconds) throw new AppError('token_expired')
  if (!app.keyring.verifier(verified.kid)) throw new AppError('invalid_token')
  if (app.config.revocationFailure === 'closed') refuseWhenBlind(app)
  if (app.revocations.has(verified.claims, verified.kid)) throw new AppError('token_revoked')
  return verified
}

function verifyOnce(app: App, token: string, now: number): Caller {
  const verdict = verifyAccessToken(token, app.accessTokenRules, Math.floor(now / 1000))
  if (!verdict.ok) {
    app.log.debug({ reason: verdict.reason }, 'access token refused')
    throw new AppError(verdict.expired ? 'token_expired' : 'invalid_token')
  }
  const verified = { claims: verdict.claims, kid: verdict.kid }
  app.verifiedTokens.set(token, verified)
  return verified
}
