import type { Db, Tx } from '../../database/connect.ts'
import type { SessionRow, UserRow } from '../../database/schema.ts'
import { statement } from '../../database/statement.ts'
import type { EndReason } from '../../errors.ts'

export type { SessionRow }

export async function insertSession(db: Db | Tx, row: SessionRow): Promise<void> {
  await db.insertInto('sessions').values(row).execute()
}

type UserColumns = 'email' | 'email_verified' | 'name' | 'locale' | 'roles' | 'roles_id' | 'status' | 'metadata'
type UserTimes = 'created_at' | 'updated_at' | 'last_login_at'
type SessionWithUser = Omit<SessionRow, 'created_at' | 'user_agent' | 'device_name' | 'last_used_at'> & {
  session_created_at: number
} & { [Name in UserColumns | UserTimes]: UserRow[Name] | null }

/** A session beside its user, all that a refresh needs in one read; the user's columns are null when the user is gone. */
export const findSessionWithUser = statement<{ id: string }, SessionWithUser>((db, p) =>
  db
    .selectFrom('sessions')
    .leftJoin('users', 'users.id', 'sessions.user_id')
    .select([
      'sessions.id',
      'sessions.user_id',
      'sessions.generation',
      'sessions.rotated_at',
      'sessions.redeemers',
      'sessions.idle_expires_at',
      'sessions.absolute_expires_at',
      'sessions.ended_at',
      'sessions.end_reason',
      'sessions.created_at as session_created_at',
      'sessions.last_ip',
      'users.email',
      'users.email_verified',
      'users.name',
      'users.locale',
      'users.roles',
      'users.roles_id',
      'users.status',
      'users.metadata',
      'users.created_at',
      'users.updated_at',
      'users.last_login_at',
    ])
    .where('sessions.id', '=', p('id')),
)

export type Rotation = {
  id: string
  /** The generation the row must still have. */
  from: number
  to: number
  redeemers: Buffer
  now: number
  idleExpiresAt: number
  ip: string | null
}

/** The one guarded update of a refresh: it changes a row only if nobody was faster and the session lives. */
export const rotateSessionRow = statement<Rotation>((db, p) =>
  db
    .updateTable('sessions')
    .set({
      generation: p('to'),
      redeemers: p('redeemers'),
      rotated_at: p('now'),
      last_used_at: p('now'),
      idle_expires_at: p('idleExpiresAt'),
      last_ip: p('ip'),
    })
    .where('id', '=', p('id'))
    .where('generation', '=', p('from'))
    .where('ended_at', 'is', null),
)

/**
 * Ends sessions that are not ended yet.
 * @param generation if given, only while the row still has it
 * @returns whether a row was changed
 */
export async function endSessionRow(
  db: Db | Tx,
  id: string,
  reason: EndReason,
  now: number,
  generation?: number,
): Promise<boolean> {
  let query = db.updateTable('sessions').set({ ended_at: now, end_reason: reason }).where('id', '=', id)
  if (generation !== undefined) query = query.where('generation', '=', generation)
  const result = await query.where('ended_at', 'is', null).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Ends these sessions, in batches that every server takes. */
export async function endSessionRows(db: Db | Tx, ids: string[], reason: EndReason, now: number): Promise<void> {
  for (let start = 0; start < ids.length; start += idsPerUpdate) {
    await db
      .updateTable('sessions')
      .set({ ended_at: now, end_reason: reason })
      .where('id', 'in', ids.slice(start, start + idsPerUpdate))
      .where('ended_at', 'is', null)
      .execute()
  }
}

const idsPerUpdate = 200

/** Ends every session of a user that began at or before `at`. @returns whether there was one */
export async function endSessionRowsOfUser(
  db: Db | Tx,
  userId: string,
  reason: EndReason,
  at: number,
): Promise<boolean> {
  const result = await db
    .updateTable('sessions')
    .set({ ended_at: at, end_reason: reason })
    .where('user_id', '=', userId)
    .where('created_at', '<=', at)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Those of these sessions that ended at one of these times. */
export async function listEndedSessions(db: Db | Tx, ids: string[], times: number[]) {
  if (ids.length === 0) return []
  const query = db.selectFrom('sessions').select(['id', 'ended_at'])
  return query.where('id', 'in', ids).where('ended_at', 'in', times).execute()
}

/** Those of these users who have sessions that ended at one of these times. */
export async function listEndedUsers(db: Db | Tx, userIds: string[], times: number[]) {
  if (userIds.length === 0) return []
  const query = db.selectFrom('sessions').select(['user_id', 'ended_at']).distinct()
  return query.where('user_id', 'in', userIds).where('ended_at', 'in', times).execute()
}

export type EndedRow = Pick<SessionRow, 'id' | 'ended_at' | 'end_reason'>

/** When and why a session ended; undefined while it lives. */
export async function findSessionEnd(db: Db | Tx, id: string): Promise<EndedRow | undefined> {
  const query = db.selectFrom('sessions').select(['id', 'ended_at', 'end_reason'])
  return query.where('id', '=', id).where('ended_at', 'is not', null).executeTakeFirst()
}

/** A user's sessions that ended for this reason at or after `since`, milliseconds since 1970. */
export async function listSessionsEndedSince(
  db: Db | Tx,
  userId: string,
  reason: EndReason,
  since: number,
): Promise<EndedRow[]> {
  const query = db.selectFrom('sessions').select(['id', 'ended_at', 'end_reason']).where('user_id', '=', userId)
  return query.where('end_reason', '=', reason).where('ended_at', '>=', since).execute()
}

export type Lifetime = Pick<SessionRow, 'idle_expires_at' | 'absolute_expires_at'>

/** A user's sessions that nobody has ended; some may have lapsed. */
export async function listOpenSessions(
  db: Db | Tx,
  userId: string,
  except?: string,
): Promise<(Lifetime & { id: string })[]> {
  const columns = ['id', 'idle_expires_at', 'absolute_expires_at'] as const
  let query = db.selectFrom('sessions').select(columns).where('user_id', '=', userId).where('ended_at', 'is', null)
  if (except !== undefined) query = query.where('id', '!=', except)
  return query.execute()
}

export async function findSessionRow(db: Db | Tx, id: string): Promise<SessionRow | undefined> {
  return db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function findSessionOfUser(db: Db | Tx, id: string, userId: string): Promise<SessionRow | undefined> {
  return db.selectFrom('sessions').selectAll().where('id', '=', id).where('user_id', '=', userId).executeTakeFirst()
}

/** A user's sessions, newest first, from below the id `before`. */
export async function listSessionRows(
  db: Db | Tx,
  userId: string,
  limit: number,
  before?: string,
): Promise<SessionRow[]> {
  let query = db.selectFrom('sessions').selectAll().where('user_id', '=', userId)
  if (before !== undefined) query = query.where('id', '<', before)
  return query.orderBy('id', 'desc').limit(limit).execute()
}

/** Takes what tells about the person from the sessions of a user who left. */
export async function blankSessionRowsOfUser(db: Db | Tx, userId: string): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ last_ip: null, user_agent: null, device_name: null })
    .where('user_id', '=', userId)
    .execute()
}

/** The sessions of a user that are alive, the one that was used last first. @param now milliseconds since 1970 */
export async function listLiveSessionsByUse(db: Db | Tx, userId: string, now: number): Promise<{ id: string }[]> {
  return db
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('idle_expires_at', '>', now)
    .where('absolute_expires_at', '>', now)
    .orderBy('last_used_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
}

/** Those whose longest life was over before a time, oldest first. */
export async function listSessionsExpiredBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('sessions')
    .select(['id', 'absolute_expires_at as due_at'])
    .where('absolute_expires_at', '<', before)
    .orderBy('absolute_expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteSessionRows(db: Db | Tx, ids: string[]): Promise<number> {
  const result = await db.deleteFrom('sessions').where('id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** From which programs a user has logged in, the newest first. */
export async function listDevicesOfUser(db: Db | Tx, userId: string, limit: number) {
  return db
    .selectFrom('sessions')
    .select(['id', 'user_agent'])
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}
