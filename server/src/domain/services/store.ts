import type { Db, Tx } from '../../database/connect.ts'
import type { ServiceRow, ServiceSecretRow } from '../../database/schema.ts'

export type { ServiceRow, ServiceSecretRow }

export async function insertService(db: Db | Tx, row: ServiceRow): Promise<void> {
  await db.insertInto('services').values(row).execute()
}

export async function insertServiceSecret(db: Db | Tx, row: ServiceSecretRow): Promise<void> {
  await db.insertInto('service_secrets').values(row).execute()
}

export async function listServiceRows(db: Db | Tx): Promise<ServiceRow[]> {
  return db.selectFrom('services').selectAll().orderBy('id').execute()
}

/** A service and the hash of each of its secrets that is alive. @param now milliseconds since 1970 */
export async function findServiceWithSecrets(db: Db | Tx, clientId: string, now: number) {
  return db
    .selectFrom('services')
    .innerJoin('service_secrets', 'service_secrets.service_id', 'services.id')
    .select([
      'services.id',
      'services.client_id',
      'services.name',
      'services.scopes',
      'service_secrets.id as secret_id',
      'service_secrets.hash',
      'service_secrets.expires_at',
    ])
    .where('services.client_id', '=', clientId)
    .where((where) =>
      where.or([where('service_secrets.expires_at', 'is', null), where('service_secrets.expires_at', '>', now)]),
    )
    .execute()
}

/** Those of these secrets that are alive, with what their service may do. @param now milliseconds since 1970 */
export async function listLivingSecrets(db: Db | Tx, ids: string[], now: number) {
  if (ids.length === 0) return []
  return db
    .selectFrom('service_secrets')
    .innerJoin('services', 'services.id', 'service_secrets.service_id')
    .select(['service_secrets.id', 'services.scopes'])
    .where('service_secrets.id', 'in', ids)
    .where((where) =>
      where.or([where('service_secrets.expires_at', 'is', null), where('service_secrets.expires_at', '>', now)]),
    )
    .execute()
}
