import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { takeUser } from '../domain/users/take.ts'
import { renewRoles } from '../domain/users/update.ts'
import type { User } from '../domain/users/user.ts'

/**
 * The user as its next token may speak of it. Where this node knows that the roles which were read are revoked, they
 * changed after the reading, or the database went back to before the change: then they are given anew, because a token
 * of the former giving would be refused wherever the change was heard of.
 */
export function withLivingRoles(app: App, user: User): User | Promise<User> {
  return app.revocations.hasRoles(user.rolesId) ? readAgain(app, user) : user
}

async function readAgain(app: App, user: User): Promise<User> {
  return inTransaction(app.database, async (tx) => {
    const now = await takeUser(tx, user.id)
    // Its sessions are over, and their tokens with them.
    if (!now) return user
    if (!app.revocations.hasRoles(now.rolesId)) return { ...user, roles: now.roles, rolesId: now.rolesId }
    return { ...user, roles: now.roles, rolesId: await renewRoles(tx, user.id, app.clock.now()) }
  })
}
