import type { Tx } from '../../database/connect.ts'
import { canOpen, openPrivateKey } from './keyring.ts'
import { activeFirst } from './lifecycle.ts'
import { isSealedByFirst, seal } from './seal.ts'
import { resealSigningKey, type SigningKeyRow } from './store.ts'

/** The keys whose private half an older master key seals; what none of them opens is not among them. */
export function sealedByOlder(rows: SigningKeyRow[], masterKeys: Buffer[]): SigningKeyRow[] {
  return rows.filter((row) => !isSealedByFirst(masterKeys, row.sealed_private) && canOpen(row, masterKeys))
}

/** The master keys that seal one of these. */
export function sealersOf(rows: SigningKeyRow[], masterKeys: Buffer[]): Buffer[] {
  return masterKeys.filter((key) => rows.some((row) => isSealedByFirst([key], row.sealed_private)))
}

/**
 * The master key for keys that are made or imported: that which seals the active one, because every node that signs has
 * it. By the first of this process, which may be called with another list, servers might not open them.
 */
export function sealersLikeActive(rows: SigningKeyRow[], masterKeys: Buffer[]): Buffer[] {
  const [active] = activeFirst(rows)
  const same = masterKeys.filter((key) => active && isSealedByFirst([key], active.sealed_private))
  return same.length > 0 ? same : masterKeys
}

/** Seals a key by the newest master key. @returns false when somebody else was faster */
export async function resealKey(tx: Tx, row: SigningKeyRow, masterKeys: Buffer[]): Promise<boolean> {
  const sealed = seal(masterKeys, row.kid, openPrivateKey(row, masterKeys))
  return resealSigningKey(tx, row.kid, row.sealed_private, sealed)
}
