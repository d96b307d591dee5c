import type { Db } from '../../database/connect.ts'
import type { EndReason } from '../../errors.ts'
import { lapseOf } from './lapse.ts'
import { listSessionRows, type SessionRow } from './store.ts'

/** A session as its user sees it. Times are milliseconds since 1970. */
export type Session = {
  id: string
  deviceName: string | null
  userAgent: string | null
  ip: string | null
  createdAt: number
  lastUsedAt: number
  expiresAt: number
  endedAt: number | null
  endReason: EndReason | null
}

/** A page of a user's sessions, newest first. @param before the last id of the page before */
export async function listSessions(
  db: Db,
  userId: string,
  limit: number,
  before: string | undefined,
  now: number,
): Promise<Session[]> {
  const rows = await listSessionRows(db, userId, limit, before)
  return rows.map((row) => sessionOf(row, now))
}

export function sessionOf(row: SessionRow, now: number): Session {
  const expiresAt = Math.min(row.idle_expires_at, row.absolute_expires_at)
  const lapse = row.ended_at === null ? lapseOf(row, now) : null
  return {
    id: row.id,
    deviceName: row.device_name,
    userAgent: row.user_agent,
    ip: row.last_ip,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt,
    endedAt: lapse ? expiresAt : row.ended_at,
    endReason: lapse ?? (row.end_reason as EndReason | null),
  }
}
