import type { Tx } from '../../database/connect.ts'
import { insertUser, insertUserRoles, insertUserWords } from './store.ts'
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
}

/**
 * A new user; active unless told otherwise.
 * @param now milliseconds since 1970
 * @throws the database's duplicate error when the address is taken
 */
export async function createUser(tx: Tx, user: NewUser, now: number): Promise<User> {
  const { id, email, name, locale, roles, emailVerified = false, metadata = {}, status = 'active' } = user
  const row = {
    id,
    email,
    email_verified: emailVerified ? 1 : 0,
    name,
    locale,
    roles: JSON.stringify(roles),
    status,
    metadata: JSON.stringify(metadata),
    created_at: now,
    updated_at: now,
    last_login_at: null,
  }
  await insertUser(tx, row)
  await insertUserRoles(tx, id, roles)
  await insertUserWords(tx, id, wordsOfName(name))
  return userOf(row)
}
