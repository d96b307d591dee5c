import type { App } from '../app.ts'
import { createService } from '../domain/services/create.ts'
import type { Service, ServiceScope } from '../domain/services/service.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** The operator admits another program. @returns the secret, this once */
export async function registerService(
  app: App,
  act: Act,
  name: string,
  scopes: ServiceScope[],
): Promise<{ service: Service; secret: string }> {
  const made = await inAuditedTransaction(app, act, async (tx, record) => {
    const made = await createService(tx, name, scopes, app.clock.now())
    const subject = { kind: 'service' as const, id: made.service.id }
    record({ event: 'service_created', subject, details: { scopes: scopes.join(' ') } })
    return made
  })
  app.log.info({ event: 'service_created', service: made.service.id, scopes })
  return made
}
