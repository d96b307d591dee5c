import type { App } from '../app.ts'
import { findUser } from '../domain/users/find.ts'
import { changeUser, type ProfileChange } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** A user changes its own name, locale or metadata. */
export async function updateOwnProfile(app: App, act: Act, userId: string, change: ProfileChange): Promise<User> {
  return inAuditedTransaction(app, act, async (tx, record) => {
    await changeUser(tx, userId, change, app.clock.now())
    const user = await findUser(tx, userId)
    if (user?.status !== 'active') throw new AppError('token_revoked')
    const fields = Object.keys(change).sort().join(' ')
    record({ event: 'user_updated', subject: { kind: 'user', id: userId }, details: { fields } })
    return user
  })
}
