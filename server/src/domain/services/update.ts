import type { Tx } from '../../database/connect.ts'
import type { ServiceScope } from './service.ts'
import { updateServiceRow } from './store.ts'

/** @returns false when there is no such service */
export async function changeService(
  tx: Tx,
  id: string,
  change: { name?: string; scopes?: ServiceScope[] },
  now: number,
): Promise<boolean> {
  const { name, scopes } = change
  return updateServiceRow(tx, id, {
    updated_at: now,
    ...(name !== undefined && { name }),
    ...(scopes && { scopes: JSON.stringify(scopes) }),
  })
}
