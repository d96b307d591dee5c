import type { Tx } from '../../database/connect.ts'
import type { AuditLineRow } from '../../database/schema.ts'
import type { Act } from './act.ts'
import { type AuditEvent, auditEventOf, type Personal } from './events.ts'
import type { Lane } from './lanes.ts'
import { hashOfLine } from './line.ts'
import { sealPersonal } from './personal.ts'
import { findWriter, insertLines, insertWriter } from './store.ts'

/** The secrets of people by user id; null: erased. */
export type Secrets = ReadonlyMap<string, Buffer | null>

/** What happened, and who did it. */
export type Noted = { act: Act; at: number; event: AuditEvent }

/** The users about whom these lines hold personal data. */
export function personsIn(noted: Noted[]): string[] {
  const persons = new Set<string>()
  for (const each of noted) {
    const { actor, user } = partsOf(each)
    if (actor) persons.add(actor.id)
    if (user) persons.add(user.id)
  }
  return [...persons].sort()
}

/** The users whose personal data goes with these events. */
export function personsErasedBy(noted: Noted[]): string[] {
  const erased = noted.filter(({ event }) => auditEventOf(event.event).erases)
  return [...new Set(erased.flatMap((each) => userOf(each) ?? []))].sort()
}

/** Whether the list of writers has this lane as it should: a chain that it does not know would never be signed. */
export async function isListed(tx: Tx, lane: Lane): Promise<boolean> {
  if (lane.seq === 0) return true
  const row = await findWriter(tx, lane.writer)
  return row !== undefined && row.covered_seq <= lane.seq && row.removed_in === null
}

/**
 * Writes the lines onto the end of a lane, in the transaction they tell about. The lane is to be advanced to what is
 * returned, once that is committed.
 */
export async function recordLines(
  tx: Tx,
  lane: Lane,
  noted: Noted[],
  secrets: Secrets,
): Promise<{ seq: number; hash: Buffer }> {
  let { seq, hash } = lane
  const rows: AuditLineRow[] = []
  for (const each of noted) {
    seq++
    const row = { ...contentOf(each, secrets), writer: lane.writer, seq, prev_hash: hash }
    hash = hashOfLine(row)
    rows.push({ ...row, hash })
  }
  if (lane.seq === 0) {
    await insertWriter(tx, { writer: lane.writer, started_at: lane.startedAt, covered_seq: 0, removed_in: null })
  }
  await insertLines(tx, rows)
  return { seq, hash }
}

function contentOf(noted: Noted, secrets: Secrets): Omit<AuditLineRow, 'writer' | 'seq' | 'prev_hash' | 'hash'> {
  const { act, event, at } = noted
  const { actor, user, unowned } = partsOf(noted)
  return {
    at,
    event: event.event,
    actor_kind: act.actor.kind,
    actor_id: act.actor.id,
    subject_kind: event.subject?.kind ?? null,
    subject_id: event.subject?.id ?? null,
    user_id: userOf(noted),
    reason: event.reason ?? null,
    request_id: act.requestId,
    details: JSON.stringify({ ...event.details, ...unowned }),
    actor_sealed: sealed(actor, secrets),
    user_sealed: sealed(user, secrets),
  }
}

type Part = { id: string; values: Record<string, string> } | null

/** Whose data is whose: each part is erased with the person it tells about. */
function partsOf(noted: Noted): { actor: Part; user: Part; unowned: Record<string, string> } {
  const { act, event } = noted
  const userId = userOf(noted)
  const network: Record<string, string> = act.ip === null ? {} : { ip: act.ip }
  const about = defined(event.personal ?? {})
  const byOther = act.actor.kind === 'user' && act.actor.id !== null && act.actor.id !== userId
  if (byOther) return { actor: part(act.actor.id, network), user: part(userId, about), unowned: {} }
  if (userId !== null) return { actor: null, user: part(userId, { ...about, ...network }), unowned: {} }
  // An address that belongs to nobody we know can be erased for nobody; it goes with the line.
  return { actor: null, user: null, unowned: network }
}

function userOf({ act, event }: Noted): string | null {
  if (event.user !== undefined) return event.user
  if (event.subject?.kind === 'user') return event.subject.id
  return event.subject === undefined && act.actor.kind === 'user' ? act.actor.id : null
}

function part(id: string | null, values: Record<string, string>): Part {
  return id === null || Object.keys(values).length === 0 ? null : { id, values }
}

function sealed(part: Part, secrets: Secrets): Buffer | null {
  const secret = part && secrets.get(part.id)
  return secret ? sealPersonal(secret, part.values) : null
}

function defined(personal: Personal): Record<string, string> {
  return Object.fromEntries(Object.entries(personal).filter((entry) => entry[1] !== undefined))
}
