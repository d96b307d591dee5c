import { sql } from 'kysely'
import type { Db, Tx } from '../../database/connect.ts'
import type { UserRoleRow, UserRow, UserWordRow } from '../../database/schema.ts'

export type { UserRow }

export async function insertUser(db: Db | Tx, row: UserRow): Promise<void> {
  await db.insertInto('users').values(row).execute()
}

// A row of users takes twelve places, and SQLite has 32766 in one statement.
const rowsAtOnce = 1000

/** Many users with their roles and the words of their names. */
export async function insertUsers(tx: Tx, users: UserRow[], roles: UserRoleRow[], words: UserWordRow[]): Promise<void> {
  for (const rows of cut(users)) await tx.insertInto('users').values(rows).execute()
  for (const rows of cut(roles)) await tx.insertInto('user_roles').values(rows).execute()
  for (const rows of cut(words)) await tx.insertInto('user_words').values(rows).execute()
}

function cut<T>(rows: T[]): T[][] {
  const pieces = []
  for (let from = 0; from < rows.length; from += rowsAtOnce) pieces.push(rows.slice(from, from + rowsAtOnce))
  return pieces
}

/** Who has one of these addresses or ids. */
export async function listUsersKnownBy(
  db: Db | Tx,
  emails: string[],
  ids: string[],
): Promise<Pick<UserRow, 'id' | 'email' | 'email_verified' | 'status' | 'unconfirmed_since' | 'updated_at'>[]> {
  const columns = ['id', 'email', 'email_verified', 'status', 'unconfirmed_since', 'updated_at'] as const
  const query = db.selectFrom('users').select(columns)
  const found = emails.length === 0 ? [] : await query.where('email', 'in', inFewLengths(emails)).execute()
  return ids.length === 0 ? found : [...found, ...(await query.where('id', 'in', inFewLengths(ids)).execute())]
}

/** The next users in the order of their ids. */
export async function listUserRowsAfter(db: Db | Tx, after: string, limit: number): Promise<UserRow[]> {
  return db.selectFrom('users').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
}

/** Accounts whose time is over, the longest due first; behind a place in that order. */
export async function listUsersToDelete(
  db: Db | Tx,
  by: number,
  limit: number,
  after: { due_at: number; id: string } = { due_at: -1, id: '' },
): Promise<{ id: string; due_at: number }[]> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'deletion_due_at as due_at'])
    .where('deletion_due_at', '<=', by)
    .where('deletion_due_at', '>=', after.due_at)
    .where((where) => where.or([where('deletion_due_at', '>', after.due_at), where('id', '>', after.id)]))
    .orderBy('deletion_due_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows as { id: string; due_at: number }[]
}

/** Registrations whose addresses nobody has confirmed since then, the oldest first; behind a place in that order. */
export async function listUnconfirmedUsers(
  db: Db | Tx,
  since: number,
  limit: number,
  after: { due_at: number; id: string } = { due_at: -1, id: '' },
): Promise<{ id: string; due_at: number }[]> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'unconfirmed_since as due_at'])
    .where('unconfirmed_since', '<=', since)
    .where('unconfirmed_since', '>=', after.due_at)
    .where((where) => where.or([where('unconfirmed_since', '>', after.due_at), where('id', '>', after.id)]))
    .orderBy('unconfirmed_since')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows as { id: string; due_at: number }[]
}

export async function findUserById(db: Db | Tx, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The user beside the password's hash, for a login; `hash` is null where there is no password. */
export async function findUserForLogin(db: Db | Tx, email: string) {
  return db
    .selectFrom('users')
    .leftJoin('passwords', 'passwords.user_id', 'users.id')
    .selectAll('users')
    .select('passwords.hash as hash')
    .where('users.email', '=', email)
    .executeTakeFirst()
}

export async function findUserIdByEmail(db: Db | Tx, email: string): Promise<string | undefined> {
  const row = await db.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst()
  return row?.id
}

/** @returns whether there was such a user */
export async function updateUser(
  db: Db | Tx,
  id: string,
  change: Partial<Omit<UserRow, 'id' | 'created_at'>>,
): Promise<boolean> {
  const result = await db.updateTable('users').set(change).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteUserRow(db: Db | Tx, id: string): Promise<boolean> {
  const result = await db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function insertUserRoles(db: Db | Tx, userId: string, roles: string[]): Promise<void> {
  if (roles.length === 0) return
  await db
    .insertInto('user_roles')
    .values(roles.map((role) => ({ user_id: userId, role })))
    .execute()
}

export async function deleteUserRoles(db: Db | Tx, userId: string): Promise<void> {
  await db.deleteFrom('user_roles').where('user_id', '=', userId).execute()
}

export async function insertUserWords(db: Db | Tx, userId: string, words: string[]): Promise<void> {
  if (words.length === 0) return
  await db
    .insertInto('user_words')
    .values(words.map((word) => ({ user_id: userId, word })))
    .execute()
}

export async function deleteUserWords(db: Db | Tx, userId: string): Promise<void> {
  await db.deleteFrom('user_words').where('user_id', '=', userId).execute()
}

/** Locks a user's row without changing it, until the transaction ends. @returns whether it is there */
export async function takeUserRow(tx: Tx, id: string): Promise<boolean> {
  const taken = tx
    .updateTable('users')
    .set((row) => ({ status: row.ref('status') }))
    .where('id', '=', id)
  return (await taken.executeTakeFirst()).numUpdatedRows > 0n
}

/** Takes the row that keeps transactions of one kind from running side by side. @returns whether it is there */
export async function turnLatch(tx: Tx, name: string): Promise<boolean> {
  const turned = tx
    .updateTable('latches')
    .set((row) => ({ turn: row('turn', '+', 1) }))
    .where('name', '=', name)
  return (await turned.executeTakeFirst()).numUpdatedRows > 0n
}

export async function hasOtherActiveUserWithRole(tx: Tx, role: string, than: string): Promise<boolean> {
  const row = await tx
    .selectFrom('user_roles')
    .innerJoin('users', 'users.id', 'user_roles.user_id')
    .select('users.id')
    .where('user_roles.role', '=', role)
    .where('user_roles.user_id', '!=', than)
    .where('users.status', '=', 'active')
    .where('users.deletion_due_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** @param most where counting stops */
export async function countUsersWithRole(db: Db | Tx, role: string, most: number): Promise<number> {
  return (await listIdsByRole(db, role, most)).length
}

export type UserOrder = 'created_at' | '-created_at' | 'email'

/** Which users are wanted. Ids are in the order of creation, so that a span of time is one of ids. */
export type UserSelection = {
  /** Folded; each must be the beginning of the address or of a word of the name. */
  words: string[]
  status: UserRow['status'] | undefined
  role: string | undefined
  /** Ids from here on. */
  from: string | undefined
  /** Ids below this one. */
  before: string | undefined
}

// No text that begins with a word comes after the word with this behind it, wherever bytes are compared.
const beyond = '\u{10ffff}'

/** Ids of users that a word finds, each once. @returns at least `limit` if there are as many */
export async function listIdsByWord(db: Db | Tx, word: string, limit: number): Promise<string[]> {
  const byEmail = db
    .selectFrom('users')
    .select('id')
    .where('email', '>=', word)
    .where('email', '<', word + beyond)
    // In the order of an index, so that no planner hopes to meet so many sooner by reading the table.
    .orderBy('email')
    .limit(limit)
  const byName = db
    .selectFrom('user_words')
    .select('user_id as id')
    .where('word', '>=', word)
    .where('word', '<', word + beyond)
    .orderBy('word')
    .limit(limit)
  const found = new Set((await byEmail.execute()).map(({ id }) => id))
  if (found.size < limit) for (const { id } of await byName.execute()) found.add(id)
  return [...found]
}

export async function listIdsByStatus(db: Db | Tx, status: UserRow['status'], limit: number): Promise<string[]> {
  const query = db.selectFrom('users').select('id').where('status', '=', status).orderBy('id').limit(limit)
  return (await query.execute()).map(({ id }) => id)
}

export async function listIdsByRole(db: Db | Tx, role: string, limit: number): Promise<string[]> {
  const query = db.selectFrom('user_roles').select('user_id').where('role', '=', role).orderBy('user_id').limit(limit)
  return (await query.execute()).map(({ user_id }) => user_id)
}

export async function listIdsMadeBetween(
  db: Db | Tx,
  from: string | undefined,
  before: string | undefined,
  limit: number,
): Promise<string[]> {
  let query = db.selectFrom('users').select('id').orderBy('id').limit(limit)
  if (from !== undefined) query = query.where('id', '>=', from)
  if (before !== undefined) query = query.where('id', '<', before)
  return (await query.execute()).map(({ id }) => id)
}

/**
 * The next users in an order, by an index that holds no others than those of the role or else the status, where the
 * order allows it. `place` is where a later walk goes on: the id, or for the order by e-mail the address.
 */
export async function walkUsers(
  db: Db | Tx,
  selection: UserSelection,
  order: UserOrder,
  limit: number,
  after: string | undefined,
): Promise<{ id: string; place: string }[]> {
  if (order === 'email') {
    let query = db.selectFrom('users').select(['id', 'email as place']).orderBy('email').limit(limit)
    if (after !== undefined) query = query.where('email', '>', after)
    return query.execute()
  }
  const { role, status, from, before } = selection
  const direction = order === 'created_at' ? 'asc' : 'desc'
  const beyondLast = order === 'created_at' ? '>' : '<'
  if (role !== undefined) {
    let query = db.selectFrom('user_roles').select('user_id').where('role', '=', role)
    if (from !== undefined) query = query.where('user_id', '>=', from)
    if (before !== undefined) query = query.where('user_id', '<', before)
    if (after !== undefined) query = query.where('user_id', beyondLast, after)
    const rows = await query.orderBy('user_id', direction).limit(limit).execute()
    return rows.map(({ user_id }) => ({ id: user_id, place: user_id }))
  }
  let query = db.selectFrom('users').select('id')
  if (status !== undefined) query = query.where('status', '=', status)
  if (from !== undefined) query = query.where('id', '>=', from)
  if (before !== undefined) query = query.where('id', '<', before)
  if (after !== undefined) query = query.where('id', beyondLast, after)
  const rows = await query.orderBy('id', direction).limit(limit).execute()
  return rows.map(({ id }) => ({ id, place: id }))
}

/** Those of these users that are wanted, in their order. */
export async function listUserRows(
  db: Db | Tx,
  ids: string[],
  selection: UserSelection,
  order: UserOrder,
  limit: number,
  after?: string,
): Promise<UserRow[]> {
  if (ids.length === 0) return []
  const { words, status, role, from, before } = selection
  let query = db.selectFrom('users').selectAll().where('id', 'in', inFewLengths(ids))
  if (status !== undefined) query = query.where('status', '=', status)
  if (from !== undefined) query = query.where('id', '>=', from)
  if (before !== undefined) query = query.where('id', '<', before)
  for (const word of words) {
    query = query.where((where) =>
      where.or([
        where.and([where('email', '>=', word), where('email', '<', word + beyond)]),
        where.exists(
          where
            .selectFrom('user_words')
            .select('user_words.user_id')
            .whereRef('user_words.user_id', '=', 'users.id')
            .where('user_words.word', '>=', word)
            .where('user_words.word', '<', word + beyond),
        ),
      ]),
    )
  }
  // In the row that is read anyway; no role holds a quotation mark, and "_" is the only sign that LIKE would read.
  if (role !== undefined) {
    query = query.where(sql<boolean>`roles like ${`%"${role.replaceAll('_', '!_')}"%`} escape '!'`)
  }
  const column = order === 'email' ? 'email' : 'id'
  const isDown = order === '-created_at'
  if (after !== undefined) query = query.where(column, isDown ? '<' : '>', after)
  return query
    .orderBy(column, isDown ? 'desc' : 'asc')
    .limit(limit)
    .execute()
}

/** Repeats the last one, so that statements come in few texts and their preparation is worth keeping. */
function inFewLengths(ids: string[]): string[] {
  const length = [8, 64, 256].find((each) => each >= ids.length) ?? ids.length
  return [...ids, ...Array<string>(length - ids.length).fill(ids.at(-1)!)]
}
