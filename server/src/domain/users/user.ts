import type { UserRow } from '../../database/schema.ts'

/** A user as the rest of the server sees it. Times are milliseconds since 1970. */
export type User = {
  id: string
  email: string
  emailVerified: boolean
  name: string | null
  locale: string | null
  roles: string[]
  /** Of this giving of roles; until they change for the first time, the user's own id. */
  rolesId: string
  status: UserRow['status']
  metadata: Record<string, unknown>
  createdAt: number
  updatedAt: number
  lastLoginAt: number | null
  /** When it goes for good, where its owner has deleted it and not come back. */
  deletionDueAt: number | null
  /** Since when whoever registered the address has been asked to confirm it; null: nobody is. */
  unconfirmedSince: number | null
}

export function userOf(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified === 1,
    name: row.name,
    locale: row.locale,
    roles: JSON.parse(row.roles),
    rolesId: row.roles_id ?? row.id,
    status: row.status,
    metadata: JSON.parse(row.metadata),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastLoginAt: row.last_login_at,
    deletionDueAt: row.deletion_due_at,
    unconfirmedSince: row.unconfirmed_since,
  }
}
