import type { Tx } from '../../database/connect.ts'
import { openPrivateKey } from './keyring.ts'
import { isSealedByFirst, seal } from './seal.ts'
import { resealSigningKey, type SigningKeyRow } from './store.ts'

/** The keys whose private half an older master key seals. */
export function sealedByOlder(rows: SigningKeyRow[], masterKeys: Buffer[]): SigningKeyRow[] {
  return rows.filter((row) => row.sealed_private.length > 0 && !isSealedByFirst(masterKeys, row.sealed_private))
}

/** Seals a key by the newest master key. @returns false when somebody else was faster */
export async function resealKey(tx: Tx, row: SigningKeyRow, masterKeys: Buffer[]): Promise<boolean> {
  const sealed = seal(masterKeys, row.kid, openPrivateKey(row, masterKeys))
  return resealSigningKey(tx, row.kid, row.sealed_private, sealed)
}
