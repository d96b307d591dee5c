import type { App } from '../app.ts'
import { recordRevokedToken } from '../domain/revocations/record.ts'
import {
  type AccessClaims,
  leewaySeconds,
  longestLifeSeconds,
  type Verdict,
  verifyAccessToken,
} from '../domain/tokens/access-token.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceRevocations, confirmEnds, keepEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { logout } from './logout.ts'

/**
 * A service gives a token up, or reports it stolen (RFC 7009): a refresh token of any generation takes its session with
 * it, an access token dies alone. What is no good already, or never was, needs nothing.
 */
export async function revokeToken(app: App, act: Act, token: string): Promise<void> {
  const refresh = app.refreshTokens.read(token)
  if (refresh) return logout(app, act, { id: refresh.sessionId, generation: refresh.generation }, 'this')
  const now = app.clock.now()
  const verdict = await verifyOrAsk(app, token, Math.floor(now / 1000))
  // Not by the live set: an answer that was lost is asked for again, and must be as final as the first.
  if (verdict.ok) await revokeAccessToken(app, act, verdict.claims, now)
}

/** A key that this node has not met is looked for before the token is called nobody's: it may be alive elsewhere. */
async function verifyOrAsk(app: App, token: string, now: number): Promise<Verdict> {
  const verdict = verifyAccessToken(token, app.accessTokenRules, now)
  if (verdict.ok || !verdict.unknownKey) return verdict
  let failure: unknown
  await app.keys.again().catch((error) => (failure = error))
  const again = verifyAccessToken(token, app.accessTokenRules, now)
  if (!again.ok && again.unknownKey && failure) throw new AppError('unavailable', { retryAfter: 1, cause: failure })
  return again
}

async function revokeAccessToken(app: App, act: Act, { jti, sub, exp }: AccessClaims, now: number): Promise<void> {
  // A restored database would let it pass again.
  const end = { kind: 'token', id: jti, at: now, reason: 'revoked' } as const
  if (app.revocations.has({ jti, sid: '', sub: '', iat: 0 }, '')) return confirmEnds(app, [end])
  // Whoever has stolen a key can give the same `jti` to several tokens, and have the one revoked that ends first: it is
  // remembered until the last of those that are alive now has ended.
  const lastEnd = Math.max(exp, Math.ceil(now / 1000) + longestLifeSeconds + 2 * leewaySeconds)
  const span = { before: now, until: (lastEnd + 2 * leewaySeconds) * 1000 }
  try {
    const row = await inAuditedTransaction(app, act, (tx, record) => {
      record({ event: 'token_revoked', subject: { kind: 'token', id: jti }, user: sub })
      return recordRevokedToken(tx, jti, 'revoked', span, now)
    })
    announceRevocations(app, [row])
    keepEnds(app, [end])
  } catch (error) {
    if (!app.database.dialect.isDuplicate(error)) throw error
    // Somebody else was faster, perhaps on another node: this one refuses it from now on as well.
    app.revocations.add([{ kind: 'token', subject: jti, before_at: span.before, until_at: span.until }])
    confirmEnds(app, [end])
  }
}
