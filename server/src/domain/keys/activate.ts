import type { Tx } from '../../database/connect.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { createSigningKey } from './create.ts'
import { insertSigningKey, listSigningKeys, moveSigningKey } from './store.ts'

/**
 * Sees to it that one key of the wanted algorithm is active; makes it if need be. A former one goes on verifying as
 * `retiring`. Called under the lease `signing-keys`, so that two nodes do not both make one.
 * @param now milliseconds since 1970
 * @returns whether something changed
 */
export async function ensureActiveKey(
  tx: Tx,
  algorithm: SigningAlgorithm,
  masterKeys: Buffer[],
  now: number,
): Promise<boolean> {
  const active = (await listSigningKeys(tx)).filter((row) => row.state === 'active')
  if (active.some((row) => row.algorithm === algorithm)) return false
  const key = createSigningKey(algorithm, masterKeys, now)
  await insertSigningKey(tx, { ...key, state: 'active', activated_at: now })
  for (const row of active) await moveSigningKey(tx, row.kid, 'active', { state: 'retiring', retired_at: now })
  return true
}
