import { createHash } from 'node:crypto'
import type { AuditLineRow } from '../../database/schema.ts'

const kind = 'ntt-auth audit line 1'

/** The hash of a line and of everything before it in its chain: SHA-256 over the former hash and the line as JSON. */
export function hashOfLine(line: Omit<AuditLineRow, 'hash'>): Buffer {
  // An array: the order of its members is ours and not that of a database.
  const content = JSON.stringify([
    kind,
    line.writer,
    line.seq,
    line.at,
    line.event,
    line.actor_kind,
    line.actor_id,
    line.subject_kind,
    line.subject_id,
    line.user_id,
    line.reason,
    line.request_id,
    line.details,
    line.actor_sealed?.toString('base64url') ?? null,
    line.user_sealed?.toString('base64url') ?? null,
  ])
  return createHash('sha256').update(line.prev_hash).update(content).digest()
}
