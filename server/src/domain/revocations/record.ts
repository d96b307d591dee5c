import type { Tx } from '../../database/connect.ts'
import { isId, newId } from '../../random.ts'
import { unplaced } from './place.ts'
import { insertRevocations, type RevocationRow } from './store.ts'

/** Tokens issued before `before` are dead; from `until` on none of them can be alive. Milliseconds since 1970. */
export type RevokedSpan = { before: number; until: number }

/**
 * Writes down that tokens of these subjects are dead, in the transaction that makes them so.
 * @param now milliseconds since 1970
 * @returns the rows, for the live set after the commit
 */
export async function recordRevocations(
  tx: Tx,
  kind: RevocationRow['kind'],
  subjects: string[],
  reason: string,
  span: RevokedSpan,
  now: number,
): Promise<RevocationRow[]> {
  const rows = subjects.map((subject) => ({
    id: newId(now),
    kind,
    subject,
    before_at: span.before,
    until_at: span.until,
    reason,
    revoked_at: now,
    position: unplaced,
  }))
  await insertRevocations(tx, rows)
  return rows
}

/**
 * The same of one access token, which can be revoked once: the row bears its id, so that of many at the same moment one
 * writes it.
 * @throws the database's error for a duplicate when another one did
 */
export async function recordRevokedToken(
  tx: Tx,
  jti: string,
  reason: string,
  span: RevokedSpan,
  now: number,
): Promise<RevocationRow> {
  const row: RevocationRow = {
    id: isId(jti) ? jti : newId(now),
    kind: 'token',
    subject: jti,
    before_at: span.before,
    until_at: span.until,
    reason,
    revoked_at: now,
    position: unplaced,
  }
  await insertRevocations(tx, [row])
  return row
}
