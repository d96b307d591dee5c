import type { App } from '../app.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import type { AccessClaims } from '../domain/tokens/access-token.ts'
import { AppError } from '../errors.ts'
import { authenticateOrAsk, type Caller } from './authenticate.ts'
import { refuseWhenBlind } from './know-revocations.ts'

/** RFC 7662 §2.2. Of a token that is no good nothing is said, not even why. */
export type Introspection =
  | { active: false }
  | ({ active: true; token_type: 'Bearer' } & AccessClaims)
  | { active: true; token_type: 'refresh_token'; sub: string; sid: string; exp: number; iss: string }

const unknown: Introspection = { active: false }
// Of a token that is asked for again and again the answer is the same object.
const known = new WeakMap<AccessClaims, Introspection>()

/** What a service may know about a token, of either kind. At once for access tokens by a key that this node knows. */
export function introspect(app: App, token: string): Introspection | Promise<Introspection> {
  const refresh = app.refreshTokens.read(token)
  if (refresh) return introspectRefreshToken(app, refresh.sessionId, refresh.generation)
  try {
    const caller = authenticateOrAsk(app, token)
    return caller instanceof Promise
      ? caller.then(introspectAccessToken).catch(sayNothing)
      : introspectAccessToken(caller)
  } catch (error) {
    return sayNothing(error)
  }
}

function introspectAccessToken({ claims }: Caller): Introspection {
  let answer = known.get(claims)
  if (answer === undefined) {
    answer = { active: true, token_type: 'Bearer', ...claims }
    known.set(claims, answer)
  }
  return answer
}

function sayNothing(error: unknown): Introspection {
  // Not to know is no answer about the token.
  if (error instanceof AppError && error.code !== 'unavailable') return unknown
  throw error
}

async function introspectRefreshToken(app: App, sessionId: string, generation: number): Promise<Introspection> {
  refuseWhenBlind(app)
  const { rows } = await findSessionWithUser(app.database.db, { id: sessionId })
  const row = rows[0]
  const now = app.clock.now()
  if (!row || row.ended_at !== null || row.status !== 'active') return { active: false }
  const expiresAt = Math.min(row.idle_expires_at, row.absolute_expires_at)
  // One generation can be redeemed; after a restore it may be ahead of the row.
  if (generation < row.generation || now >= expiresAt) return { active: false }
  const exp = Math.floor(expiresAt / 1000)
  return { active: true, token_type: 'refresh_token', sub: row.user_id, sid: row.id, exp, iss: app.config.issuer }
}
