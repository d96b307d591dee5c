import type { User } from '../contract.ts'
import { forgetLinks } from './links.ts'
import { endSessionsOf, sessionsOf } from './sessions.ts'
import { type Account, timeText, type World } from './world.ts'

/** A user to begin with; `roles` none if left out, the address not confirmed. */
export type NewUser = { email: string; password: string; roles?: readonly string[]; name?: string; locale?: string }

/** What an account begins with. */
export type Beginning = Partial<Omit<User, 'email'>> & { email: string; password: string | null }

export function addAccount(world: World, { email, password, ...given }: Beginning): Account {
  const time = timeText(world.now())
  const user: User = {
    id: world.newId(),
    email: email.toLowerCase(),
    email_verified: false,
    name: null,
    locale: null,
    roles: [],
    status: password === null ? 'pending' : 'active',
    metadata: {},
    created_at: time,
    updated_at: time,
    last_login_at: null,
    ...given,
  }
  const account: Account = {
    user,
    password,
    passwordSince: world.now(),
    deletionDueAt: null,
    rolesId: user.id,
  }
  world.accounts.set(user.id, account)
  return account
}

/** Oldest first. */
export function allAccounts({ accounts, now }: World): Account[] {
  for (const [id, { deletionDueAt }] of accounts) {
    if (deletionDueAt !== null && deletionDueAt <= now()) accounts.delete(id)
  }
  return [...accounts.values()]
}

export function accountAt(world: World, email: unknown): Account | undefined {
  const address = String(email).toLowerCase()
  return allAccounts(world).find(({ user }) => user.email === address)
}

export function accountOf(world: World, id: string): Account | undefined {
  return allAccounts(world).find(({ user }) => user.id === id)
}

export function changeUser(world: World, account: Account, change: Partial<User>): void {
  account.user = { ...account.user, ...change, updated_at: timeText(world.now()) }
}

export function setPassword(world: World, account: Account, password: string): void {
  account.password = password
  account.passwordSince = world.now()
}

/** With everything that belongs to it; its sessions stay, so that its devices hear why they were logged out. */
export function removeAccount(world: World, { user }: Account): void {
  world.accounts.delete(user.id)
  forgetLinks(world, user.id)
  endSessionsOf(world, user.id, 'deleted')
  for (const each of sessionsOf(world, user.id)) each.device = null
}

/** Whether nobody is left to administer when this one goes. */
export function isLastAdmin(world: World, account: Account): boolean {
  const isAdmin = ({ user, deletionDueAt }: Account) =>
    user.status === 'active' && deletionDueAt === null && user.roles.includes('admin')
  return isAdmin(account) && !allAccounts(world).some((each) => each !== account && isAdmin(each))
}

/** Access tokens that speak of what is no longer so are dead; the sessions go on. */
export function revokeTokensOf(world: World, account: Account): void {
  const now = world.now()
  world.revocations.push({
    kind: 'roles',
    id: account.rolesId,
    before: timeText(now),
    until: timeText(now + world.accessTokenTtl * 1000),
    reason: 'roles_changed',
    revoked_at: timeText(now),
  })
  account.rolesId = world.newId()
}
