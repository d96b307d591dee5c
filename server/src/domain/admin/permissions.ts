/** Seconds: what an administrator who has just logged in gets done in one go. */
const recent = 15 * 60

type Rule = {
  /** The role it takes. */
  role: 'admin'
  /** A service with this scope may as well, by its own credential: back ends look users up without anybody logged in. */
  scope?: 'users:read'
  /** How long ago the login by password may be at most, in seconds; absent: any age. */
  freshWithin?: number
}

/**
 * Who may do what to other people's accounts, and how recent a login that takes. Routes name one of these, and so do
 * the fields that need more than their route.
 */
export const permissions = {
  'users:read': { role: 'admin', scope: 'users:read' },
  'users:create': { role: 'admin' },
  'users:update': { role: 'admin' },
  /** Whoever has the address can have the password. */
  'users:email': { role: 'admin', freshWithin: recent },
  'users:roles': { role: 'admin', freshWithin: recent },
  'users:disable': { role: 'admin', freshWithin: recent },
  'users:enable': { role: 'admin', freshWithin: recent },
  'users:unlock': { role: 'admin' },
  'users:delete': { role: 'admin', freshWithin: recent },
  'users:reset-password': { role: 'admin', freshWithin: recent },
  'sessions:read': { role: 'admin' },
  'sessions:end': { role: 'admin' },
  'keys:read': { role: 'admin' },
  'keys:rotate': { role: 'admin', freshWithin: recent },
  'services:read': { role: 'admin' },
  'services:change': { role: 'admin', freshWithin: recent },
  'audit:read': { role: 'admin' },
  'stats:read': { role: 'admin' },
} as const satisfies Record<string, Rule>

export type Permission = keyof typeof permissions

export function ruleOf(permission: Permission): Rule {
  return permissions[permission]
}
