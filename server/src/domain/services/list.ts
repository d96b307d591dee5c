import type { Db, Tx } from '../../database/connect.ts'
import type { Service, ServiceScope } from './service.ts'
import { findServiceRow, listSecretRows, listServiceRows, type ServiceRow } from './store.ts'

/** One secret of a service, without what it is. Times are milliseconds since 1970. */
export type ServiceSecret = { id: string; createdAt: number; expiresAt: number | null; lastUsedAt: number | null }
export type ServiceDetails = Service & { createdAt: number; secrets: ServiceSecret[] }

/** Services from behind the id `after`, each with its secrets that are alive. @param now milliseconds since 1970 */
export async function listServices(db: Db, limit: number, now: number, after?: string): Promise<ServiceDetails[]> {
  return withSecrets(db, await listServiceRows(db, limit, after), now)
}

/** @param id its id, or the client id by which it comes in */
export async function findService(db: Db | Tx, id: string, now: number): Promise<ServiceDetails | null> {
  const row = await findServiceRow(db, id)
  if (!row) return null
  const [found] = await withSecrets(db, [row], now)
  return found!
}

async function withSecrets(db: Db | Tx, rows: ServiceRow[], now: number): Promise<ServiceDetails[]> {
  const ids = rows.map(({ id }) => id)
  const secrets = await listSecretRows(db, ids, now)
  return rows.map((row) => ({
    id: row.id,
    clientId: row.client_id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as ServiceScope[],
    createdAt: row.created_at,
    secrets: secrets
      .filter(({ service_id }) => service_id === row.id)
      .map(({ id, created_at, expires_at, last_used_at }) => ({
        id,
        createdAt: created_at,
        expiresAt: expires_at,
        lastUsedAt: last_used_at,
      })),
  }))
}
