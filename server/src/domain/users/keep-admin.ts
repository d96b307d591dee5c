import type { Tx } from '../../database/connect.ts'
import { AppError } from '../../errors.ts'
import { hasOtherActiveUserWithRole, turnLatch } from './store.ts'
import type { User } from './user.ts'

/** The one role that means something to this server. */
export const adminRole = 'admin'

type Standing = Pick<User, 'roles' | 'status' | 'deletionDueAt'>

/** Who is about to be deleted may come back, but nobody can count on it. */
export function isActiveAdmin({ roles, status, deletionDueAt }: Standing): boolean {
  return status === 'active' && deletionDueAt === null && roles.includes(adminRole)
}

/**
 * To be called in the transaction that takes an administrator away, for whatever reason and before it does: there must
 * be another. All such transactions change one row first, so that of two at once, on whichever nodes, the second sees
 * what the first has done.
 * @throws AppError `last_admin`
 */
export async function keepAnAdmin(tx: Tx, leaving: Standing & Pick<User, 'id'>): Promise<void> {
  if (!isActiveAdmin(leaving)) return
  if (!(await turnLatch(tx, 'admins'))) throw new Error('The row "admins" of the table latches is gone.')
  if (!(await hasOtherActiveUserWithRole(tx, adminRole, leaving.id))) throw new AppError('last_admin')
}
