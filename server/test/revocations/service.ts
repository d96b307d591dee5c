import type { ServiceScope } from '../../src/domain/services/service.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import type { TestServer } from '../support/server.ts'

export function basic(clientId: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` }
}

/** A new service's credential, as the header that shows it. */
export async function serviceOf(server: TestServer, scopes: ServiceScope[]): Promise<{ authorization: string }> {
  const { service, secret } = await registerService(server.app, operatorAct, 'a service', scopes)
  return basic(service.clientId, secret)
}
