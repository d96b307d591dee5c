import type { Tx } from '../../database/connect.ts'
import { insertUser } from './store.ts'
import { type User, userOf } from './user.ts'

export type NewUser = { id: string; email: string; name: string | null; locale: string | null; roles: string[] }

/**
 * A new, active user.
 * @param now milliseconds since 1970
 * @throws the database's duplicate error when the address is taken
 */
export async function createUser(tx: Tx, user: NewUser, now: number): Promise<User> {
  const row = {
    id: user.id,
    email: user.email,
    email_verified: 0,
    name: user.name,
    locale: user.locale,
    roles: JSON.stringify(user.roles),
    status: 'active' as const,
    metadata: '{}',
    created_at: now,
    updated_at: now,
    last_login_at: null,
  }
  await insertUser(tx, row)
  return userOf(row)
}
