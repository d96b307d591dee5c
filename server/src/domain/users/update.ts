import type { Tx } from '../../database/connect.ts'
import { updateUser } from './store.ts'

export type ProfileChange = { name?: string | null; locale?: string | null; metadata?: Record<string, unknown> }

/** Changes what a user may change of its own profile. @returns whether the user is there */
export async function updateProfile(tx: Tx, id: string, change: ProfileChange, now: number): Promise<boolean> {
  const { metadata, ...plain } = change
  return updateUser(tx, id, {
    ...plain,
    ...(metadata && { metadata: JSON.stringify(metadata) }),
    updated_at: now,
  })
}

export async function recordLogin(tx: Tx, id: string, now: number): Promise<boolean> {
  return updateUser(tx, id, { last_login_at: now })
}
