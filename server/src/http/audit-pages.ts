import { toRfc3339 } from '../clock.ts'
import type { AuditLine, AuditPlace } from '../domain/audit/search.ts'
import { isId } from '../random.ts'
import { refusedQuery } from './pages.ts'

export function auditView({ writer, seq, at, userId, requestId, ...line }: AuditLine) {
  return { id: `${writer}.${seq}`, at: toRfc3339(at), ...line, user_id: userId, request_id: requestId }
}

export function writeAuditPlace({ at, writer, seq }: AuditPlace): string {
  return Buffer.from(`${at}.${writer}.${seq}`).toString('base64url')
}

/** @throws AppError `validation_failed` for what is no cursor of ours */
export function readAuditPlace(cursor: string | undefined): AuditPlace | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  const [, at, writer, seq] = /^(\d{1,15})\.([0-9a-f-]{36})\.(\d{1,15})$/.exec(text) ?? []
  const isCanonical = Buffer.from(text).toString('base64url') === cursor
  if (isCanonical && isId(writer ?? '')) return { at: Number(at), writer: writer!, seq: Number(seq) }
  throw refusedQuery('cursor', 'Send "next_cursor" of the page before, as it was.')
}
