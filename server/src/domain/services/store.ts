import type { Db, Tx } from '../../database/connect.ts'
import type { ServiceRow, ServiceSecretRow } from '../../database/schema.ts'

export type { ServiceRow, ServiceSecretRow }

export async function insertService(db: Db | Tx, row: ServiceRow): Promise<void> {
  await db.insertInto('services').values(row).execute()
}

export async function insertServiceSecret(db: Db | Tx, row: ServiceSecretRow): Promise<void> {
  await db.insertInto('service_secrets').values(row).execute()
}

/** Services in the order in which they were admitted, from behind the id `after`. */
export async function listServiceRows(db: Db | Tx, limit: number, after?: string): Promise<ServiceRow[]> {
  let query = db.selectFrom('services').selectAll()
  if (after !== undefined) query = query.where('id', '>', after)
  return query.orderBy('id').limit(limit).execute()
}

/** @param id its id or its client id */
export async function findServiceRow(db: Db | Tx, id: string): Promise<ServiceRow | undefined> {
  return db
    .selectFrom('services')
    .selectAll()
    .where((where) => where.or([where('id', '=', id), where('client_id', '=', id)]))
    .executeTakeFirst()
}

/** Takes a service's row, so that two changes of one service come one after the other. @returns whether it is there */
export async function takeServiceRow(tx: Db | Tx, id: string): Promise<boolean> {
  const taken = tx
    .updateTable('services')
    .set((row) => ({ name: row.ref('name') }))
    .where((where) => where.or([where('id', '=', id), where('client_id', '=', id)]))
  return (await taken.executeTakeFirst()).numUpdatedRows > 0n
}

export async function updateServiceRow(
  db: Db | Tx,
  id: string,
  change: Partial<Pick<ServiceRow, 'name' | 'scopes' | 'updated_at'>>,
): Promise<boolean> {
  const result = await db.updateTable('services').set(change).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** The service and every secret of it. */
export async function deleteServiceRows(db: Db | Tx, id: string): Promise<void> {
  await deleteSecretsOfService(db, id)
  await db.deleteFrom('services').where('id', '=', id).execute()
}

/** The secrets of these services that are alive, oldest first. @param now milliseconds since 1970 */
export async function listSecretRows(db: Db | Tx, serviceIds: string[], now: number): Promise<ServiceSecretRow[]> {
  if (serviceIds.length === 0) return []
  return db
    .selectFrom('service_secrets')
    .selectAll()
    .where('service_id', 'in', serviceIds)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .orderBy('id')
    .execute()
}

/** Lets the secrets of a service live until a time at most. */
export async function expireServiceSecrets(db: Db | Tx, serviceId: string, at: number): Promise<void> {
  await db
    .updateTable('service_secrets')
    .set({ expires_at: at })
    .where('service_id', '=', serviceId)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .execute()
}

export async function deleteSecretsOfService(db: Db | Tx, serviceId: string): Promise<void> {
  await db.deleteFrom('service_secrets').where('service_id', '=', serviceId).execute()
}

export async function deleteSecretRow(db: Db | Tx, serviceId: string, id: string): Promise<boolean> {
  const query = db.deleteFrom('service_secrets').where('id', '=', id).where('service_id', '=', serviceId)
  return (await query.executeTakeFirst()).numDeletedRows > 0n
}

/** Notes a use, unless one as late is noted. @param before only where the last one is older than this */
export async function noteSecretUse(db: Db | Tx, id: string, now: number, before: number): Promise<void> {
  await db
    .updateTable('service_secrets')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', before)]))
    .execute()
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
      'service_secrets.last_used_at',
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

/** Secrets that died before a time. There are few: a service has two alive at most. */
export async function listSecretsExpiredBefore(db: Db | Tx, before: number, limit: number) {
  return db
    .selectFrom('service_secrets')
    .select(['id', 'expires_at as due_at'])
    .where('expires_at', '<', before)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteSecretRows(db: Db | Tx, ids: string[]): Promise<number> {
  const result = await db.deleteFrom('service_secrets').where('id', 'in', ids).executeTakeFirst()
  return Number(result.numDeletedRows)
}
