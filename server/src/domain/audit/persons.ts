import { createHash } from 'node:crypto'
import type { Tx } from '../../database/connect.ts'
import { newSecret } from './personal.ts'
import type { Secrets } from './record.ts'
import { erasePersonRow, insertPersons, listPersons } from './store.ts'

/**
 * The secrets of these people; who has none yet gets one.
 * @throws the database's duplicate error when somebody else gives one at the same time: do it all again
 */
export async function secretsOf(tx: Tx, userIds: string[]): Promise<Secrets> {
  const secrets = new Map((await listPersons(tx, userIds)).map((row) => [row.user_id, row.secret]))
  const fresh = userIds
    .filter((id) => !secrets.has(id))
    .map((id) => ({ user_id: id, secret: newSecret(), erased_at: null }))
  await insertPersons(tx, fresh)
  for (const row of fresh) secrets.set(row.user_id, row.secret)
  return secrets
}

/** Stands for a person where it is said that it was erased and its id need not be told. */
export function digestOfPerson(userId: string): string {
  return createHash('sha256').update(userId).digest().subarray(0, 16).toString('base64url')
}

/**
 * What the log says about this person can be read by nobody from now on, and nothing more will be said. The row stays
 * for as long as the lines do: it keeps the person from being given a new secret.
 */
export async function erasePerson(tx: Tx, userId: string, now: number): Promise<void> {
  if (await erasePersonRow(tx, userId, now)) return
  await insertPersons(tx, [{ user_id: userId, secret: null, erased_at: now }])
}
