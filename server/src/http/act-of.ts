import type { Service } from '../domain/services/service.ts'
import type { Act } from '../flows/acting.ts'
import type { Caller } from '../flows/authenticate.ts'

/** Who acts in a request, as far as its credentials say; the audit log has it from here. */
export function actOf(caller: Caller | Service | null | undefined, ip: string, requestId: string): Act {
  return { actor: actorOf(caller), ip, requestId }
}

function actorOf(caller: Caller | Service | null | undefined): Act['actor'] {
  if (!caller) return { kind: 'anyone', id: null }
  return 'claims' in caller ? { kind: 'user', id: caller.claims.sub } : { kind: 'service', id: caller.id }
}
