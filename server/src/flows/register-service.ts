import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { createService } from '../domain/services/create.ts'
import type { Service, ServiceScope } from '../domain/services/service.ts'

/** The operator admits another program. @returns the secret, this once */
export async function registerService(
  app: App,
  name: string,
  scopes: ServiceScope[],
): Promise<{ service: Service; secret: string }> {
  const made = await inTransaction(app.database, (tx) => createService(tx, name, scopes, app.clock.now()))
  app.log.info({ event: 'service_created', service: made.service.id, scopes })
  return made
}
