import type { Tx } from '../../database/connect.ts'
import type { UserRow } from '../../database/schema.ts'
import { insertUser, insertUserRoles, insertUsers, insertUserWords } from './store.ts'
import { type User, userOf } from './user.ts'
import { wordsOfName } from './words.ts'

export type NewUser = {
  /** Made at `now`: users are listed in the order of their ids as that of their creation. */
  id: string
  email: string
  name: string | null
  locale: string | null
  roles: string[]
  emailVerified?: boolean
  metadata?: Record<string, unknown>
  status?: User['status']
  /** Given for a registration that must be confirmed by mail first. */
  unconfirmedSince?: number | null
}

/**
 * A new user; active unless told otherwise.
 * @param now milliseconds since 1970
 * @throws the database's duplicate error when the address is taken
 */
export async function createUser(tx: Tx, user: NewUser, now: number): Promise<User> {
  const { id, name, roles } = user
  const row = rowOf({ ...user, createdAt: now, lastLoginAt: null, deletionDueAt: null }, now)
  await insertUser(tx, row)
  await insertUserRoles(tx, id, roles)
  await insertUserWords(tx, id, wordsOfName(name))
  return userOf(row)
}

/** A user who was one elsewhere before; the id is made at `createdAt`. */
export type FormerUser = NewUser & { createdAt: number; lastLoginAt: number | null; deletionDueAt: number | null }

/**
 * Many users at once, each with its own past.
 * @param now milliseconds since 1970
 * @throws the database's duplicate error when an address or an id is taken
 */
export async function createUsers(tx: Tx, users: FormerUser[], now: number): Promise<void> {
  await insertUsers(
    tx,
    users.map((user) => rowOf(user, now)),
    users.flatMap(({ id, roles }) => roles.map((role) => ({ user_id: id, role }))),
    users.flatMap(({ id, name }) => wordsOfName(name).map((word) => ({ user_id: id, word }))),
  )
}

function rowOf(user: FormerUser, now: number): UserRow {
  const { id, email, name, locale, roles, emailVerified = false, metadata = {}, status = 'active' } = user
  return {
    id,
    email,
    email_verified: emailVerified ? 1 : 0,
    name,
    locale,
    roles: JSON.stringify(roles),
    status,
    metadata: JSON.stringify(metadata),
    created_at: user.createdAt,
    updated_at: now,
    last_login_at: user.lastLoginAt,
    deletion_due_at: user.deletionDueAt,
    unconfirmed_since: user.unconfirmedSince ?? null,
    roles_id: null,
  }
}
