import type { SessionRow, UserRow } from '../../src/database/schema.ts'
import { newId } from '../../src/random.ts'

const now = 1_700_000_000_000

/** A user's row that can be inserted as it is. */
export function userRow(changes: Partial<UserRow> = {}): UserRow {
  const id = newId(now)
  return {
    id,
    email: `${id}@example.test`,
    email_verified: 0,
    name: null,
    locale: null,
    roles: '[]',
    status: 'active',
    metadata: '{}',
    created_at: now,
    updated_at: now,
    last_login_at: null,
    ...changes,
  }
}

/** A session's row that can be inserted as it is. */
export function sessionRow(changes: Partial<SessionRow> = {}): SessionRow {
  return {
    id: newId(now),
    user_id: newId(now),
    generation: 0,
    rotated_at: now,
    redeemers: Buffer.alloc(64, 0xff),
    idle_expires_at: now + 1000,
    absolute_expires_at: now + 2000,
    ended_at: null,
    end_reason: null,
    created_at: now,
    last_used_at: now,
    last_ip: null,
    user_agent: null,
    device_name: null,
    ...changes,
  }
}
