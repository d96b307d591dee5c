/** What a service may do; a service without the scope of a route is refused there. */
export const serviceScopes = ['introspect', 'revoke', 'revocations:read', 'users:read'] as const
export type ServiceScope = (typeof serviceScopes)[number]

export type Service = { id: string; clientId: string; name: string; scopes: ServiceScope[] }

/** A service that has shown one of its secrets. */
export type CallingService = Service & { secretId: string }

export function isServiceScope(text: string): text is ServiceScope {
  return (serviceScopes as readonly string[]).includes(text)
}
