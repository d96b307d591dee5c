import type { AuditLineRow, OutboxRow, SessionRow, UserRow } from '../../src/database/schema.ts'
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
    deletion_due_at: null,
    unconfirmed_since: null,
    roles_id: null,
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

/** An audit line's row that can be inserted as it is; it is part of no chain. */
export function auditLineRow(changes: Partial<AuditLineRow> = {}): AuditLineRow {
  return {
    writer: newId(now),
    seq: 1,
    at: now,
    event: 'login',
    actor_kind: 'anyone',
    actor_id: null,
    subject_kind: null,
    subject_id: null,
    user_id: null,
    reason: null,
    request_id: null,
    details: '{}',
    actor_sealed: null,
    user_sealed: null,
    prev_hash: Buffer.alloc(32),
    hash: Buffer.alloc(32, 1),
    ...changes,
  }
}

/** A mail's row that can be inserted as it is. */
export function outboxRow(changes: Partial<OutboxRow> = {}): OutboxRow {
  return {
    id: newId(now),
    recipient: 'ada@example.com',
    budget: null,
    template: 'password-changed',
    locale: null,
    sealed: Buffer.alloc(8, 7),
    state: 'waiting',
    claim: null,
    attempts: 0,
    due_at: now,
    expires_at: now + 1000,
    created_at: now,
    finished_at: null,
    last_error: null,
    ...changes,
  }
}
