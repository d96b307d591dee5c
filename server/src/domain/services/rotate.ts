import type { Tx } from '../../database/connect.ts'
import { newId, randomToken } from '../../random.ts'
import { hashSecret } from './create.ts'
import {
  deleteSecretsOfService,
  expireServiceSecrets,
  insertServiceSecret,
  listSecretRows,
  updateServiceRow,
} from './store.ts'

/** Two may be alive at once: the one in use and the one that follows. */
const mostSecrets = 2

export type NewSecret = {
  id: string
  secret: string
  /** The secrets before, of which each would have lived longer. */
  shortened: string[]
}

/**
 * A new secret of a service that was taken; those before it live on for `overlap`, so that whoever uses them can change
 * over without a pause. Without an overlap they are deleted.
 * @returns the secret itself, this once; null when two are alive beyond the overlap and one must go first
 */
export async function rotateSecret(
  tx: Tx,
  serviceId: string,
  { overlap, expiresAt, now }: { overlap: number; expiresAt: number | null; now: number },
): Promise<NewSecret | null> {
  await updateServiceRow(tx, serviceId, { updated_at: now })
  const alive = await listSecretRows(tx, [serviceId], now)
  if (overlap > 0 && alive.length >= mostSecrets) return null
  const longer = alive.filter(({ expires_at }) => expires_at === null || expires_at > now + overlap)
  // What is gone is gone by every clock.
  if (overlap === 0) await deleteSecretsOfService(tx, serviceId)
  else await expireServiceSecrets(tx, serviceId, now + overlap)
  const secret = `ntts_${randomToken(32)}`
  const row = { id: newId(now), service_id: serviceId, hash: hashSecret(secret), created_at: now }
  await insertServiceSecret(tx, { ...row, expires_at: expiresAt, last_used_at: null })
  return { id: row.id, secret, shortened: longer.map(({ id }) => id) }
}
