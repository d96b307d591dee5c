import type { Db, Tx } from '../../database/connect.ts'
import type { OutboxRow } from '../../database/schema.ts'
import { nobody, unsentStates } from './mail.ts'

export type { OutboxRow }

export async function insertMail(db: Db | Tx, row: OutboxRow): Promise<void> {
  await db.insertInto('outbox').values(row).execute()
}

export async function findMail(db: Db | Tx, id: string): Promise<OutboxRow | undefined> {
  return db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Mail whose time has come, and mail whose deliverer has not been heard of for too long; the longest due first. */
export async function listDueMail(db: Db, now: number, limit: number): Promise<OutboxRow[]> {
  return db
    .selectFrom('outbox')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Of two who saw it due at the same time, one is told false. */
export async function claimMail(
  db: Db | Tx,
  { id, due_at }: Pick<OutboxRow, 'id' | 'due_at'>,
  claim: string,
  until: number,
): Promise<boolean> {
  const result = await db
    .updateTable('outbox')
    .set((row) => ({ claim, due_at: until, attempts: row('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where('due_at', '=', due_at)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** What became of a delivery. @returns false when somebody else has taken over meanwhile */
export async function settleMail(
  db: Db | Tx,
  id: string,
  claim: string,
  change: Partial<Pick<OutboxRow, 'state' | 'sealed' | 'due_at' | 'finished_at' | 'last_error'>>,
): Promise<boolean> {
  const result = await db
    .updateTable('outbox')
    .set(change)
    .where('id', '=', id)
    .where('claim', '=', claim)
    // Also where it was held while it was under way.
    .where('state', 'in', ['waiting', 'held'])
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** One mail, or all of those written before a time, or all. */
export type MailSelection = { id?: string; before?: number }

/**
 * What an operator decides about mail that was not sent.
 * @param from the states in which it is decided about; others stay as they are
 * @returns how many there were
 */
export async function moveMail(
  tx: Tx,
  { id, before }: MailSelection,
  from: OutboxRow['state'][],
  change: Partial<Pick<OutboxRow, 'state' | 'sealed' | 'finished_at' | 'last_error'>>,
): Promise<number> {
  let query = tx.updateTable('outbox').set(change).where('state', 'in', from).where('recipient', '!=', nobody)
  if (id !== undefined) query = query.where('id', '=', id)
  if (before !== undefined) query = query.where('created_at', '<', before)
  return Number((await query.executeTakeFirst()).numUpdatedRows)
}

/** The newest first; what is written for show is no mail. */
export async function listMail(db: Db, state: OutboxRow['state'] | undefined, limit: number): Promise<OutboxRow[]> {
  const all = db.selectFrom('outbox').selectAll().where('recipient', '!=', nobody).orderBy('id', 'desc').limit(limit)
  return (state === undefined ? all : all.where('state', '=', state)).execute()
}

/** Mail to one address since a time, the newest first. */
export async function listMailTo(db: Db, recipient: string, since: number, limit: number): Promise<OutboxRow[]> {
  const query = db.selectFrom('outbox').selectAll().where('recipient', '=', recipient).where('created_at', '>=', since)
  return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

/** When the last mails of a budget to any of these were written, the newest first. */
export async function listMailTimes(
  db: Db | Tx,
  recipients: string[],
  budget: string,
  since: number,
  limit: number,
): Promise<number[]> {
  const rows = await db
    .selectFrom('outbox')
    .select('created_at')
    .where('recipient', 'in', recipients)
    .where('budget', '=', budget)
    .where('created_at', '>', since)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ created_at }) => created_at)
}

/** How many mails are in each of these states, and since when the first of those that wait does. */
export async function measureOutbox(
  db: Db,
): Promise<Record<(typeof unsentStates)[number], number> & { oldest: number | null }> {
  const rows = await db
    .selectFrom('outbox')
    .select((each) => ['state', each.fn.countAll().as('mails'), each.fn.min('created_at').as('oldest')])
    .where('state', 'in', unsentStates)
    .groupBy('state')
    .execute()
  const of = (state: OutboxRow['state']) => rows.find((row) => row.state === state)
  const count = (state: OutboxRow['state']) => Number(of(state)?.mails ?? 0)
  const oldest = of('waiting')?.oldest
  return {
    waiting: count('waiting'),
    held: count('held'),
    failed: count('failed'),
    oldest: oldest === undefined ? null : Number(oldest),
  }
}

/** A mail that was given up is tried again, until it is of no use any more. */
export async function reviveMail(db: Db | Tx, id: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable('outbox')
    .set({ state: 'waiting', due_at: now, attempts: 0, finished_at: null })
    .where('id', '=', id)
    .where('state', '=', 'failed')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Those that were of no use any more before a time, delivered or not, oldest first. */
export async function listMailExpiredBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('outbox')
    .select(['id', 'expires_at as due_at'])
    .where('expires_at', '<', before)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Of mail that still counts nothing stays but that there was one; what waited is not sent. @param alias instead of the address */
export async function blankMailTo(tx: Tx, recipient: string, alias: string, since: number, now: number): Promise<void> {
  const counted = tx
    .updateTable('outbox')
    .where('recipient', '=', recipient)
    .where('created_at', '>', since)
    .where('budget', 'is not', null)
  const over = { state: 'failed' as const, finished_at: now, last_error: 'The account is gone.' }
  await counted.set(over).where('state', 'in', ['waiting', 'held']).execute()
  await counted.set({ recipient: alias, sealed: Buffer.alloc(0) }).execute()
}

export async function deleteMailTo(db: Db | Tx, recipient: string): Promise<void> {
  await db.deleteFrom('outbox').where('recipient', '=', recipient).execute()
}

export async function deleteMailRows(db: Db | Tx, ids: string[]): Promise<number> {
  const result = await db.deleteFrom('outbox').where('id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}
