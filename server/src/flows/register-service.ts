import type { App } from '../app.ts'
import { createService } from '../domain/services/create.ts'
import type { Service, ServiceScope } from '../domain/services/service.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/**
 * Another program is admitted.
 * @param life milliseconds for which its secret lives; null for ever
 * @returns the secret, this once
 */
export async function registerService(
  app: App,
  act: Act,
  name: string,
  scopes: ServiceScope[],
  life: number | null = null,
): Promise<{ service: Service; secret: string }> {
  const now = app.clock.now()
  const made = await inAuditedTransaction(app, act, async (tx, record) => {
    const made = await createService(tx, name, scopes, now, life === null ? null : now + life)
    const subject = { kind: 'service' as const, id: made.service.id }
    record({ event: 'service_created', subject, details: { scopes: scopes.join(' ') } })
    return made
  })
  app.log.info({ event: 'service_created', service: made.service.id, scopes })
  return made
}
