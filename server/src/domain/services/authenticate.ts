import { timingSafeEqual } from 'node:crypto'
import type { Db } from '../../database/connect.ts'
import { hashSecret } from './create.ts'
import type { CallingService } from './service.ts'
import { findServiceWithSecrets } from './store.ts'

// What no id of ours looks like costs no query; PostgreSQL would refuse a NUL with an error.
const idShape = /^[\w-]{1,64}$/

export function isClientId(text: string): boolean {
  return idShape.test(text)
}

/**
 * The service with this id and one of its living secrets, when that expires, and when it was last used; or null.
 * @param now milliseconds since 1970
 */
export async function authenticateService(
  db: Db,
  clientId: string,
  secret: string,
  now: number,
): Promise<{ service: CallingService; expiresAt: number; lastUsedAt: number | null } | null> {
  if (!isClientId(clientId)) return null
  const shown = hashSecret(secret)
  const rows = await findServiceWithSecrets(db, clientId, now)
  const row = rows.find(({ hash }) => timingSafeEqual(shown, hash))
  if (!row) return null
  const { id, client_id, name, scopes, secret_id, expires_at, last_used_at } = row
  const service = { id, clientId: client_id, name, scopes: JSON.parse(scopes), secretId: secret_id }
  return { service, expiresAt: expires_at ?? Number.POSITIVE_INFINITY, lastUsedAt: last_used_at }
}
