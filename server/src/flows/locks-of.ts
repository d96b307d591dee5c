import type { App } from '../app.ts'
import { findLocks, type Lock } from '../domain/throttling/find-locks.ts'
import type { User } from '../domain/users/user.ts'

export type { Lock }

/** Which of these users have to wait because of wrong passwords, for those who may unlock them. */
export async function locksOf(app: App, users: User[]): Promise<(user: User) => Lock | null> {
  if (!app.config.rateLimits) return () => null
  const nameOf = ({ email }: User) => app.throttle.name('account', email)
  const locks = await findLocks(app.database.db, users.map(nameOf), app.clock.now())
  return (user) => locks.get(nameOf(user)) ?? null
}
