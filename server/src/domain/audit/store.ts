import type { Db, Tx } from '../../database/connect.ts'
import type { AuditCheckpointRow, AuditLineRow, AuditPersonRow, AuditWriterRow } from '../../database/schema.ts'

export type { AuditCheckpointRow, AuditLineRow, AuditPersonRow, AuditWriterRow }

const rowsPerInsert = 100

export async function insertLines(db: Db | Tx, rows: AuditLineRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    await db
      .insertInto('audit_lines')
      .values(rows.slice(start, start + rowsPerInsert))
      .execute()
  }
}

export async function insertWriter(db: Db | Tx, row: AuditWriterRow): Promise<void> {
  await db.insertInto('audit_writers').values(row).execute()
}

export async function listPersons(db: Db | Tx, userIds: string[]): Promise<AuditPersonRow[]> {
  if (userIds.length === 0) return []
  return db.selectFrom('audit_persons').selectAll().where('user_id', 'in', userIds).execute()
}

/** @throws the database's duplicate error when one of them is known already */
export async function insertPersons(db: Db | Tx, rows: AuditPersonRow[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('audit_persons').values(rows).execute()
}

/** The ids of people who have no secret any more, from behind this one on. */
export async function listErasedPersons(db: Db | Tx, limit: number, behind = ''): Promise<string[]> {
  const query = db.selectFrom('audit_persons').select('user_id').where('secret', 'is', null)
  const rows = await query.where('user_id', '>', behind).orderBy('user_id').limit(limit).execute()
  return rows.map(({ user_id }) => user_id)
}

/** The lines of such events about these users. */
export async function listErasures(db: Db | Tx, userIds: string[], events: string[]): Promise<AuditLineRow[]> {
  const query = db.selectFrom('audit_lines').selectAll().where('user_id', 'in', userIds)
  return query.where('event', 'in', events).execute()
}

/** The users about whom lines of such events are in these chains. @param until up to, not including, this time */
export async function listErasedIn(db: Db | Tx, writers: string[], events: string[], until: number): Promise<string[]> {
  const query = db.selectFrom('audit_lines').select('user_id').where('event', 'in', events).where('at', '<', until)
  const rows = await query.where('writer', 'in', writers).where('user_id', 'is not', null).execute()
  return rows.map(({ user_id }) => user_id!)
}

/** Takes a person's secret away. @returns whether the person is known */
export async function erasePersonRow(db: Db | Tx, userId: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable('audit_persons')
    .set({ secret: null, erased_at: now })
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Lines in the order of their chains, from behind this one on. */
export async function listLinesBehind(
  db: Db | Tx,
  behind: { writer: string; seq: number },
  limit: number,
): Promise<AuditLineRow[]> {
  return db
    .selectFrom('audit_lines')
    .selectAll()
    .where((where) =>
      where.or([
        where('writer', '>', behind.writer),
        where.and([where('writer', '=', behind.writer), where('seq', '>', behind.seq)]),
      ]),
    )
    .orderBy('writer')
    .orderBy('seq')
    .limit(limit)
    .execute()
}

/** The last line of a chain. */
export async function findHead(db: Db | Tx, writer: string) {
  return db
    .selectFrom('audit_lines')
    .select(['writer', 'seq', 'at', 'hash'])
    .where('writer', '=', writer)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function findWriter(db: Db | Tx, writer: string): Promise<AuditWriterRow | undefined> {
  return db.selectFrom('audit_writers').selectAll().where('writer', '=', writer).executeTakeFirst()
}

export async function listWriters(db: Db | Tx, limit: number, behind = ''): Promise<AuditWriterRow[]> {
  const query = db.selectFrom('audit_writers').selectAll().where('writer', '>', behind)
  return query.orderBy('writer').limit(limit).execute()
}

/** Writers whose chain reaches further than checkpoints cover it. By numbers only: clocks may be set back. */
export async function listGrownWriters(db: Db | Tx, limit: number, behind = ''): Promise<AuditWriterRow[]> {
  return db
    .selectFrom('audit_writers')
    .selectAll()
    .where('writer', '>', behind)
    .where('covered_seq', '<', (where) =>
      where
        .selectFrom('audit_lines')
        .select((line) => line.fn.max('seq').as('seq'))
        .whereRef('audit_lines.writer', '=', 'audit_writers.writer'),
    )
    .orderBy('writer')
    .limit(limit)
    .execute()
}

/** Says that a checkpoint covers the chain up to this line. */
export async function coverLines(db: Db | Tx, writer: string, seq: number): Promise<void> {
  await db
    .updateTable('audit_writers')
    .set({ covered_seq: seq })
    .where('writer', '=', writer)
    .where('covered_seq', '<', seq)
    .execute()
}

export async function findLastCheckpoint(db: Db | Tx): Promise<AuditCheckpointRow | undefined> {
  return db.selectFrom('audit_checkpoints').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst()
}

/** The keys that signed the checkpoints which are there, and the first that each signed. */
export async function listCheckpointSigners(db: Db | Tx): Promise<{ key_id: string; first: number }[]> {
  return db
    .selectFrom('audit_checkpoints')
    .select((row) => ['key_id', row.fn.min('number').as('first')])
    .groupBy('key_id')
    .execute()
}

/** @throws the database's duplicate error when another node made this one */
export async function insertCheckpoint(db: Db | Tx, row: AuditCheckpointRow): Promise<void> {
  await db.insertInto('audit_checkpoints').values(row).execute()
}

/** Checkpoints below this number, newest first. */
export async function listCheckpointsBelow(db: Db | Tx, number: number, limit: number): Promise<AuditCheckpointRow[]> {
  return db
    .selectFrom('audit_checkpoints')
    .selectAll()
    .where('number', '<', number)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
}

/** Checkpoints above this number, oldest first. */
export async function listCheckpointsBehind(db: Db | Tx, number: number, limit: number): Promise<AuditCheckpointRow[]> {
  const query = db.selectFrom('audit_checkpoints').selectAll().where('number', '>', number)
  return query.orderBy('number').limit(limit).execute()
}

/** Writers that started before and of which no checkpoint has said yet that they go, oldest first. */
export async function listWritersBefore(db: Db | Tx, startedBefore: number, limit: number): Promise<AuditWriterRow[]> {
  return db
    .selectFrom('audit_writers')
    .selectAll()
    .where('started_at', '<', startedBefore)
    .where('removed_in', 'is', null)
    .orderBy('started_at')
    .orderBy('writer')
    .limit(limit)
    .execute()
}

export async function setRemovedIn(db: Db | Tx, writers: string[], checkpoint: number): Promise<void> {
  await db.updateTable('audit_writers').set({ removed_in: checkpoint }).where('writer', 'in', writers).execute()
}

export async function listWritersToRemove(db: Db | Tx, limit: number): Promise<AuditWriterRow[]> {
  return db
    .selectFrom('audit_writers')
    .selectAll()
    .where('removed_in', 'is not', null)
    .orderBy('removed_in')
    .orderBy('writer')
    .limit(limit)
    .execute()
}

/** The numbers of the first lines of a chain that are there. */
export async function listSeqs(db: Db | Tx, writer: string, limit: number): Promise<number[]> {
  const query = db.selectFrom('audit_lines').select('seq').where('writer', '=', writer)
  return (await query.orderBy('seq').limit(limit).execute()).map(({ seq }) => seq)
}

export async function deleteLinesUpTo(db: Db | Tx, writer: string, seq: number): Promise<number> {
  const query = db.deleteFrom('audit_lines').where('writer', '=', writer).where('seq', '<=', seq)
  return Number((await query.executeTakeFirst()).numDeletedRows)
}

export async function deleteWriter(db: Db | Tx, writer: string): Promise<void> {
  await db.deleteFrom('audit_writers').where('writer', '=', writer).execute()
}

/** Deletes the oldest checkpoints below this number. @returns how many */
export async function deleteCheckpointsBelow(db: Db | Tx, number: number, limit: number): Promise<number> {
  const query = db.selectFrom('audit_checkpoints').select('number').where('number', '<', number)
  const numbers = (await query.orderBy('number').limit(limit).execute()).map((row) => row.number)
  if (numbers.length === 0) return 0
  const result = await db.deleteFrom('audit_checkpoints').where('number', 'in', numbers).executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Forgets who was erased before that: no line about them is left. @returns how many */
export async function deleteErasedPersons(db: Db | Tx, erasedBefore: number, limit: number): Promise<number> {
  const query = db.selectFrom('audit_persons').select('user_id').where('erased_at', '<', erasedBefore)
  const ids = (await query.orderBy('erased_at').limit(limit).execute()).map((row) => row.user_id)
  if (ids.length === 0) return 0
  const result = await db.deleteFrom('audit_persons').where('user_id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}

export type AuditFilter = {
  user?: string | undefined
  actor?: string | undefined
  subject?: string | undefined
  event?: string | undefined
  /** Milliseconds since 1970; from this time on. */
  since?: number | undefined
  /** Up to, not including, this time. */
  until?: number | undefined
}

/** Where a line stands among all lines in the order of time. */
export type AuditPlace = Pick<AuditLineRow, 'at' | 'writer' | 'seq'>

/** Lines in the order of time, from behind a place on. */
export async function listLines(
  db: Db | Tx,
  filter: AuditFilter,
  order: 'newest' | 'oldest',
  limit: number,
  from?: AuditPlace,
): Promise<AuditLineRow[]> {
  const direction = order === 'newest' ? 'desc' : 'asc'
  const [beyond, beyondOrAt] = order === 'newest' ? (['<', '<='] as const) : (['>', '>='] as const)
  let query = db.selectFrom('audit_lines').selectAll()
  if (filter.user !== undefined) query = query.where('user_id', '=', filter.user)
  if (filter.actor !== undefined) query = query.where('actor_id', '=', filter.actor)
  if (filter.subject !== undefined) query = query.where('subject_id', '=', filter.subject)
  if (filter.event !== undefined) query = query.where('event', '=', filter.event)
  if (filter.since !== undefined) query = query.where('at', '>=', filter.since)
  if (filter.until !== undefined) query = query.where('at', '<', filter.until)
  if (from !== undefined) {
    const { at, writer, seq } = from
    // The first condition alone tells every database where in the index to begin.
    query = query
      .where('at', beyondOrAt, at)
      .where((where) =>
        where.or([
          where('at', beyond, at),
          where('writer', beyond, writer),
          where.and([where('writer', '=', writer), where('seq', beyond, seq)]),
        ]),
      )
  }
  return query.orderBy('at', direction).orderBy('writer', direction).orderBy('seq', direction).limit(limit).execute()
}
