import type { UserChange } from './update.ts'
import type { User } from './user.ts'

/** What of a change would change something. Roles have no order. */
export function differenceFrom(user: User, change: UserChange): UserChange {
  const others = Object.entries(change).filter(([field, value]) => !isSame(user[field as keyof UserChange], value))
  return Object.fromEntries(others)
}

function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) return isSameSet(one, other)
  return JSON.stringify(one) === JSON.stringify(other)
}

function isSameSet(some: unknown[], others: unknown[]): boolean {
  return new Set(some).size === new Set(others).size && others.every((other) => some.includes(other))
}
