import type { App } from '../app.ts'
import { findPasswordChange } from '../domain/passwords/store.ts'
import { lapseOf } from '../domain/sessions/lapse.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import { guessing } from '../domain/throttling/limits.ts'
import { findGuesses } from '../domain/throttling/store.ts'
import type { EndReason } from '../errors.ts'
import type { KnownDevice } from './throttled.ts'

/** Ends that say nothing against the device; with the others somebody else may have its tokens, or it is given away. */
const trusted: ReadonlySet<string> = new Set<EndReason>(['logout', 'expired', 'idle'])

/**
 * Has the caller been this user before, on this device? A refresh token shows it, of whatever generation, also of a
 * session that has ended, for as long as the session's row is kept. Whoever knew a former password, or registered the
 * address before its owner did, is a stranger since the password was changed; and when known devices have guessed wrong
 * too often, all of them are.
 * @param read what the refresh token says, or null for none and for one that is not ours
 * @returns the session that the token belongs to, or null
 */
export async function knownDevice(
  app: App,
  email: string,
  read: ReturnType<App['refreshTokens']['read']>,
): Promise<KnownDevice | null> {
  // One that is not ours costs no query.
  if (!read) return null
  const { db } = app.database
  const { rows } = await findSessionWithUser(db, { id: read.sessionId })
  const session = rows[0]
  if (session?.email !== email) return null
  const lives = session.ended_at === null && lapseOf(session, app.clock.now()) === null
  if (!lives) {
    if (session.ended_at !== null && !trusted.has(session.end_reason ?? '')) return null
    const changedAt = await findPasswordChange(db, session.user_id)
    if (changedAt === null || session.session_created_at < changedAt) return null
  }
  const guesses = await findGuesses(db, { name: app.throttle.name('devices', session.user_id) })
  if ((guesses.rows[0]?.failures ?? 0) >= guessing.mostOfDevices) return null
  return { session: session.id, user: session.user_id }
}
