import type { Service } from './service.ts'

/** What of a change would change something. Scopes have no order. */
export function differenceFrom(
  service: Service,
  { name, scopes }: Partial<Pick<Service, 'name' | 'scopes'>>,
): Partial<Pick<Service, 'name' | 'scopes'>> {
  const otherName = name !== undefined && name !== service.name
  const otherScopes = scopes && String(scopes.toSorted()) !== String(service.scopes.toSorted())
  return { ...(otherName && { name }), ...(otherScopes && { scopes }) }
}
