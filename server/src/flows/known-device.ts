import type { App } from '../app.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import type { EndReason } from '../errors.ts'

/** Ends that say nothing against the device; with the others somebody else may have its tokens, or it is given away. */
const trusted: ReadonlySet<string> = new Set<EndReason>([
  'logout',
  'logout_all',
  'password_changed',
  'expired',
  'idle',
  'session_limit',
])

/**
 * Has the caller been this user before, on this device? A refresh token shows it, of whatever generation, also of a
 * session that has ended, for as long as the session's row is kept.
 * @returns the session that the token belongs to, or null
 */
export async function knownDevice(app: App, email: string, token: string | null | undefined): Promise<string | null> {
  // One that is not ours costs no query.
  const read = token ? app.refreshTokens.read(token) : null
  if (!read) return null
  const { rows } = await findSessionWithUser(app.database.db, { id: read.sessionId })
  const session = rows[0]
  if (session?.email !== email) return null
  return session.ended_at === null || trusted.has(session.end_reason ?? '') ? session.id : null
}
