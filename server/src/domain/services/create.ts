import { createHash } from 'node:crypto'
import type { Tx } from '../../database/connect.ts'
import { newId, randomToken } from '../../random.ts'
import type { Service, ServiceScope } from './service.ts'
import { insertService, insertServiceSecret } from './store.ts'

/**
 * A new service with its first secret.
 * @param now milliseconds since 1970; so is `expiresAt`, null for never
 * @returns the secret as well; it is not kept and cannot be shown again
 */
export async function createService(
  tx: Tx,
  name: string,
  scopes: ServiceScope[],
  now: number,
  expiresAt: number | null = null,
): Promise<{ service: Service; secret: string }> {
  const id = newId(now)
  const clientId = `svc_${randomToken(9)}`
  const secret = `ntts_${randomToken(32)}`
  await insertService(tx, {
    id,
    client_id: clientId,
    name,
    scopes: JSON.stringify(scopes),
    created_at: now,
    updated_at: null,
  })
  const row = { id: newId(now), service_id: id, hash: hashSecret(secret), created_at: now, expires_at: expiresAt }
  await insertServiceSecret(tx, { ...row, last_used_at: null })
  return { service: { id, clientId, name, scopes }, secret }
}

/** SHA-256: a secret carries 256 random bits, so there is nothing that a slow hash would protect. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
