import type { App } from '../app.ts'
import { normaliseEmail } from '../domain/users/email.ts'
import { findUser } from '../domain/users/find.ts'
import { findUserIdByEmail } from '../domain/users/store.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { isId } from '../random.ts'

/** @param text an id or an e-mail address @throws AppError `not_found` */
export async function findUserBy(app: App, text: string): Promise<User> {
  const { db } = app.database
  const email = normaliseEmail(text)
  const id = isId(text) ? text : email === null ? undefined : await findUserIdByEmail(db, email)
  const user = id === undefined ? undefined : await findUser(db, id)
  if (!user) throw new AppError('not_found', { detail: `There is no user ${text.slice(0, 254)}.` })
  return user
}
