import { timingSafeEqual } from 'node:crypto'
import type { Db } from '../../database/connect.ts'
import { hashSecret } from './create.ts'
import type { Service } from './service.ts'
import { findServiceWithSecrets } from './store.ts'

/**
 * The service with this id and one of its living secrets, or null.
 * @param now milliseconds since 1970
 */
export async function authenticateService(
  db: Db,
  clientId: string,
  secret: string,
  now: number,
): Promise<Service | null> {
  const shown = hashSecret(secret)
  const rows = await findServiceWithSecrets(db, clientId, now)
  const row = rows.find(({ hash }) => timingSafeEqual(shown, hash))
  return row ? { id: row.id, clientId: row.client_id, name: row.name, scopes: JSON.parse(row.scopes) } : null
}
