import type { App } from '../app.ts'
import { findUser } from '../domain/users/find.ts'
import { adminRole } from '../domain/users/keep-admin.ts'
import { findUserIdByEmail } from '../domain/users/store.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from './acting.ts'
import { changeUserFor } from './change-user.ts'
import { createUserFor, type Invited } from './create-user.ts'

type NewAdmin = { email: string; name: string | null }

/** The operator makes a user with the role admin; the address must be free. */
export async function createAdmin(app: App, { password, ...person }: NewAdmin & { password: string }): Promise<User> {
  return (await createUserFor(app, operatorAct, { ...person, locale: null, roles: [adminRole] }, password)).user
}

/** The same by a link: who is to be the administrator chooses the password. */
export async function inviteAdmin(app: App, person: NewAdmin): Promise<Invited> {
  return createUserFor(app, operatorAct, { ...person, locale: null, roles: [adminRole] }, null)
}

/** The operator gives the role admin to a user who is there already; doing it twice does nothing. */
export async function promoteToAdmin(app: App, email: string): Promise<User> {
  const id = await findUserIdByEmail(app.database.db, email)
  const user = id === undefined ? undefined : await findUser(app.database.db, id)
  if (!user) throw new AppError('not_found')
  if (user.status !== 'active') {
    throw new AppError('account_disabled', { detail: `The account is ${user.status}; it must be active first.` })
  }
  if (user.roles.includes(adminRole)) return user
  return changeUserFor(app, operatorAct, user.id, { roles: [...user.roles, adminRole] })
}
