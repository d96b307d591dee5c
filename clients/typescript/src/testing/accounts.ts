import type { User } from '../contract.ts'
import type { Account, World } from './world.ts'

export type NewUser = { email: string; password: string; roles?: readonly string[]; name?: string; locale?: string }

export function addAccount(world: World, { email: given, password, roles = [], name, locale }: NewUser): Account {
  const email = given.toLowerCase()
  const time = new Date(world.now()).toISOString()
  const user: User = {
    id: crypto.randomUUID(),
    email,
    email_verified: false,
    name: name ?? null,
    locale: locale ?? null,
    roles,
    status: 'active',
    metadata: {},
    created_at: time,
    updated_at: time,
    last_login_at: null,
  }
  const account = { user, password }
  world.accounts.set(email, account)
  return account
}

export function accountAt(world: World, email: unknown): Account | undefined {
  return world.accounts.get(String(email).toLowerCase())
}

export function accountOf(world: World, userId: string): Account | undefined {
  return [...world.accounts.values()].find(({ user }) => user.id === userId)
}
