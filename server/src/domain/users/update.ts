import type { Tx } from '../../database/connect.ts'
import { newId } from '../../random.ts'
import { deleteUserRoles, deleteUserWords, insertUserRoles, insertUserWords, updateUser } from './store.ts'
import type { User } from './user.ts'
import { wordsOfName } from './words.ts'

/** What a user may change of itself. */
export type ProfileChange = { name?: string | null; locale?: string | null; metadata?: Record<string, unknown> }

/** What an administrator may change of a user. */
export type UserChange = ProfileChange & { email?: string; emailVerified?: boolean; roles?: string[] }

/**
 * Changes the fields that are given, and what users are found by.
 * @param now milliseconds since 1970
 * @returns whether the user is there
 * @throws the database's duplicate error when the address is taken
 */
export async function changeUser(tx: Tx, id: string, change: UserChange, now: number): Promise<boolean> {
  const { metadata, emailVerified, roles, ...plain } = change
  const there = await updateUser(tx, id, {
    ...plain,
    ...(metadata && { metadata: JSON.stringify(metadata) }),
    ...(emailVerified !== undefined && { email_verified: emailVerified ? 1 : 0 }),
    ...(emailVerified && { unconfirmed_since: null }),
    ...(roles && { roles: JSON.stringify(roles), roles_id: newId(now) }),
    updated_at: now,
  })
  if (!there) return false
  if (plain.name !== undefined) {
    await deleteUserWords(tx, id)
    await insertUserWords(tx, id, wordsOfName(plain.name))
  }
  if (roles) {
    await deleteUserRoles(tx, id)
    await insertUserRoles(tx, id, roles)
  }
  return true
}

export async function setUserStatus(tx: Tx, id: string, status: User['status'], now: number): Promise<boolean> {
  return updateUser(tx, id, { status, updated_at: now, ...(status === 'active' && { unconfirmed_since: null }) })
}

/** The roles as they are, given anew: what was revoked of them says nothing of tokens made from now on. @returns their id */
export async function renewRoles(tx: Tx, id: string, now: number): Promise<string> {
  const rolesId = newId(now)
  await updateUser(tx, id, { roles_id: rolesId })
  return rolesId
}

export async function recordLogin(tx: Tx, id: string, now: number): Promise<boolean> {
  return updateUser(tx, id, { last_login_at: now })
}

/** Whoever registered the address is asked once more to confirm it. */
export async function askAgain(tx: Tx, id: string, now: number): Promise<boolean> {
  return updateUser(tx, id, { unconfirmed_since: now })
}

/** @param dueAt when the account goes for good, in milliseconds since 1970; null: it stays */
export async function setDeletion(tx: Tx, id: string, dueAt: number | null): Promise<boolean> {
  return updateUser(tx, id, { deletion_due_at: dueAt })
}
