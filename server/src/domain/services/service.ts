/** What a service may do; a service without the scope of a route is refused there. */
export const serviceScopes = ['introspect', 'revoke', 'revocations:read', 'users:read'] as const
export type ServiceScope = (typeof serviceScopes)[number]

const minute = 60_000
const day = 24 * 60 * minute

/** Milliseconds, for every way of asking: how long a secret may live, and the ones before it beside it. */
export const secretSpans = {
  life: { least: minute, most: 3660 * day },
  overlap: { least: 0, most: 90 * day, usual: 60 * minute },
}

export type Service = { id: string; clientId: string; name: string; scopes: ServiceScope[] }

/** A service that has shown one of its secrets. */
export type CallingService = Service & { secretId: string }

export function isServiceScope(text: string): text is ServiceScope {
  return (serviceScopes as readonly string[]).includes(text)
}
