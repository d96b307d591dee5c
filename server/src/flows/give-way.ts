import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { findUserForLogin } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import type { User } from '../domain/users/user.ts'
import { type Ended, nothingEnded } from './announce-ends.ts'
import { erase } from './delete-user.ts'

type Standing = { status: User['status']; email_verified: number; unconfirmed_since: number | null }

/** Registered, and never confirmed. What an administrator or an import has made belongs to somebody. */
export function isUnconfirmed({ status, email_verified, unconfirmed_since }: Standing): boolean {
  return status === 'pending' && email_verified === 0 && unconfirmed_since !== null
}

/**
 * Nobody has shown that the address is its own, so a registration that nobody has confirmed gives way to whoever comes
 * next: a later registration, an administrator, an import, a user who moves there. Nothing of it stays, least of all what
 * an administrator has given to whom he took for somebody else; what comes is another account.
 */
export async function giveWay(app: App, tx: Tx, email: string, record: (event: AuditEvent) => void): Promise<Ended> {
  const found = await findUserForLogin(tx, email)
  if (!found || !isUnconfirmed(found)) return nothingEnded
  const former = await takeUser(tx, found.id)
  // Confirmed, or changed by an administrator, since it was looked at.
  if (former?.email !== email || former.unconfirmedSince === null || former.status !== 'pending') return nothingEnded
  record({ event: 'user_deleted', subject: { kind: 'user', id: former.id }, reason: 'never_confirmed' })
  return erase(app, tx, former, 'password_changed')
}
