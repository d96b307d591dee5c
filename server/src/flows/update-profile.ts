import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { findUser } from '../domain/users/find.ts'
import { changeUser, type ProfileChange } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'

/** A user changes its own name, locale or metadata. */
export async function updateOwnProfile(app: App, userId: string, change: ProfileChange): Promise<User> {
  return inTransaction(app.database, async (tx) => {
    await changeUser(tx, userId, change, app.clock.now())
    const user = await findUser(tx, userId)
    if (user?.status !== 'active') throw new AppError('token_revoked')
    return user
  })
}
