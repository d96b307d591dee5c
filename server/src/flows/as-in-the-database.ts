import type { App } from '../app.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import { AppError } from '../errors.ts'
import type { Caller } from './authenticate.ts'

/**
 * Is what the token says still so, by the rows of its session and its user? Asked of administrators only: until this
 * node has heard of it, whoever was demoted a moment ago could make itself administrator again. Their routes ask the
 * database anyway.
 * @throws AppError `token_revoked`
 */
export async function asInTheDatabase(app: App, caller: Caller): Promise<Caller> {
  const { sid, sub, roles_id = sub } = caller.claims
  const [row] = (await findSessionWithUser(app.database.db, { id: sid })).rows
  const isSo =
    row?.user_id === sub && row.ended_at === null && row.status === 'active' && (row.roles_id ?? sub) === roles_id
  if (!isSo) throw new AppError('token_revoked')
  return caller
}
