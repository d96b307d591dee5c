import type { Db } from '../../database/connect.ts'
import type { AuditLineRow } from '../../database/schema.ts'
import { openPersonal } from './personal.ts'
import { type AuditFilter, type AuditPlace, listLines, listPersons } from './store.ts'

export type { AuditFilter, AuditPlace }

/** A line as people read it. Times are milliseconds since 1970. */
export type AuditLine = {
  writer: string
  seq: number
  at: number
  event: string
  actor: { kind: string; id: string | null }
  subject: { kind: string; id: string } | null
  /** The user whom it concerns. */
  userId: string | null
  reason: string | null
  requestId: string | null
  details: Record<string, string | number | boolean | null>
  ip: string | null
  /** What it says about the user as a person. */
  personal: Record<string, string>
  /** It said something about a person that has been erased. */
  erased: boolean
}

export type Found = { line: AuditLine; row: AuditLineRow }

/**
 * A page of the audit log.
 * @param order newest or oldest first
 * @param from the place of the last line of the page before
 */
export async function searchLines(
  db: Db,
  filter: AuditFilter,
  order: 'newest' | 'oldest',
  limit: number,
  from?: AuditPlace,
): Promise<Found[]> {
  const rows = await listLines(db, filter, order, limit, from)
  const persons = new Set<string>()
  for (const row of rows) {
    if (row.actor_sealed && row.actor_id) persons.add(row.actor_id)
    if (row.user_sealed && row.user_id) persons.add(row.user_id)
  }
  const secrets = new Map((await listPersons(db, [...persons])).map(({ user_id, secret }) => [user_id, secret]))
  return rows.map((row) => ({ row, line: lineOf(row, secrets) }))
}

function lineOf(row: AuditLineRow, secrets: Map<string, Buffer | null>): AuditLine {
  const open = (id: string | null, sealed: Buffer | null) => (sealed && id ? openPersonal(secrets.get(id), sealed) : {})
  const actor = open(row.actor_id, row.actor_sealed)
  const user = open(row.user_id, row.user_sealed)
  const { ip: ofNobody, ...details } = JSON.parse(row.details)
  const { ip, ...personal } = { ...user, ...actor }
  return {
    writer: row.writer,
    seq: row.seq,
    at: row.at,
    event: row.event,
    actor: { kind: row.actor_kind, id: row.actor_id },
    subject: row.subject_kind && row.subject_id ? { kind: row.subject_kind, id: row.subject_id } : null,
    userId: row.user_id,
    reason: row.reason,
    requestId: row.request_id,
    details,
    ip: ip ?? ofNobody ?? null,
    personal,
    erased: actor === null || user === null,
  }
}
