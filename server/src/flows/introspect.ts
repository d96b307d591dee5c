import type { App } from '../app.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import type { AccessClaims } from '../domain/tokens/access-token.ts'
import { AppError } from '../errors.ts'
import { authenticateOrAsk, type Caller } from './authenticate.ts'
import { refuseWhenBlind } from './know-revocations.ts'

/** What there is to say of a token. Of one that is no good nothing is said, not even why. */
export type Introspection =
  | { kind: 'none' }
  | { kind: 'access'; claims: AccessClaims }
  | { kind: 'refresh'; sub: string; sid: string; exp: number }

const none: Introspection = { kind: 'none' }

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
  return { kind: 'access', claims }
}

function sayNothing(error: unknown): Introspection {
  // Not to know is no answer about the token.
  if (error instanceof AppError && error.code !== 'unavailable') return none
  throw error
}

async function introspectRefreshToken(app: App, sessionId: string, generation: number): Promise<Introspection> {
  refuseWhenBlind(app)
  const { rows } = await findSessionWithUser(app.database.db, { id: sessionId })
  const row = rows[0]
  const now = app.clock.now()
  if (!row || row.ended_at !== null || row.status !== 'active') return none
  const expiresAt = Math.min(row.idle_expires_at, row.absolute_expires_at)
  // One generation can be redeemed; after a restore it may be ahead of the row.
  if (generation < row.generation || now >= expiresAt) return none
  const exp = Math.floor(expiresAt / 1000)
  return { kind: 'refresh', sub: row.user_id, sid: row.id, exp }
}
