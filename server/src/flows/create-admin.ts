import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { checkPassword } from '../domain/passwords/policy.ts'
import { insertPassword } from '../domain/passwords/store.ts'
import { createUser } from '../domain/users/create.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { newId } from '../random.ts'

/** The operator makes a user with the role admin; the address must be free. */
export async function createAdmin(
  app: App,
  { email, name, password }: { email: string; name: string | null; password: string },
): Promise<User> {
  const accepted = checkPassword(password, { minLength: app.config.passwordMinLength, email, name })
  const hash = await app.hasher.hash(accepted)
  const now = app.clock.now()
  const id = newId(now)
  return inTransaction(app.database, async (tx) => {
    const user = await createUser(tx, { id, email, name, locale: null, roles: ['admin'] }, now)
    await insertPassword(tx, id, hash, now)
    return user
  }).catch((error) => {
    throw app.database.dialect.isDuplicate(error) ? new AppError('email_taken') : error
  })
}
