import type { App } from '../app.ts'
import { type AuditLine, type AuditPlace, searchLines } from '../domain/audit/search.ts'
import { listGoodTokens, type OneTimeTokenRow } from '../domain/links/store.ts'
import { listMailTo, type OutboxRow } from '../domain/outbox/store.ts'
import { listSessions, type Session } from '../domain/sessions/list.ts'
import { findGuesses } from '../domain/throttling/store.ts'
import { findUser } from '../domain/users/find.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'

export type OwnData = {
  user: User
  sessions: Session[]
  /** Mail to the present address that is remembered; what it says is not told, because it may hold a link. */
  mail: OutboxRow[]
  /** Links that are good still: for what, and of a change of address to which. */
  links: OneTimeTokenRow[]
  /** Wrong passwords in a row, by strangers. */
  guesses: { failures: number; last_at: number } | null
  lines: AuditLine[]
  next: AuditPlace | null
}

const sessionsAtOnce = 200
const mostMail = 500

/**
 * What is known about a user, for the user. Of the audit log a page, newest lines first.
 */
export async function exportOwnData(app: App, userId: string, limit: number, from?: AuditPlace): Promise<OwnData> {
  const { db } = app.database
  const user = await findUser(db, userId)
  if (user?.status !== 'active') throw new AppError('token_revoked')
  const sessions = await allSessions(app, userId)
  // The address may have been somebody else's before: what is older than the account is not about this user.
  const since = user.createdAt
  const mail = await listMailTo(db, user.email, since, mostMail)
  const links = await listGoodTokens(db, userId, app.clock.now())
  const counted = (await findGuesses(db, { name: app.throttle.name('account', user.email) })).rows[0]
  const guesses = counted && counted.last_at >= since ? counted : null
  const found = await searchLines(db, { user: userId }, 'newest', limit + 1, from)
  const page = found.slice(0, limit)
  const next = found.length > limit ? page.at(-1)!.row : null
  return { user, sessions, mail, links, guesses, lines: page.map(({ line }) => ofUser(line, userId)), next }
}

async function allSessions(app: App, userId: string): Promise<Session[]> {
  const sessions: Session[] = []
  for (;;) {
    const before = sessions.at(-1)?.id
    const page = await listSessions(app.database.db, userId, sessionsAtOnce, before, app.clock.now())
    sessions.push(...page)
    if (page.length < sessionsAtOnce) return sessions
  }
}

/** Who else did something to the user, and from which address, is that other person's. */
function ofUser(line: AuditLine, userId: string): AuditLine {
  const { actor } = line
  if (actor.kind !== 'user' || actor.id === userId) return line
  return { ...line, actor: { ...actor, id: null }, ip: null }
}
