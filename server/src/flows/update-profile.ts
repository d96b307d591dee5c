import type { App } from '../app.ts'
import { differenceFrom } from '../domain/users/difference.ts'
import { findUser } from '../domain/users/find.ts'
import { takeUser } from '../domain/users/take.ts'
import { changeUser, type ProfileChange } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** A user changes its own name, locale or metadata. What is so already changes nothing. */
export async function updateOwnProfile(app: App, act: Act, userId: string, wanted: ProfileChange): Promise<User> {
  return inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, userId)
    if (user?.status !== 'active') throw new AppError('token_revoked')
    const change = differenceFrom(user, wanted)
    const fields = Object.keys(change).sort().join(' ')
    if (fields === '') return user
    await changeUser(tx, userId, change, app.clock.now())
    record({ event: 'user_updated', subject: { kind: 'user', id: userId }, details: { fields } })
    return (await findUser(tx, userId))!
  })
}
