import type { App } from '../app.ts'
import { findPasswordHashes } from '../domain/passwords/store.ts'
import { listUserRowsAfter } from '../domain/users/store.ts'
import { type User, userOf } from '../domain/users/user.ts'
import { operatorAct } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

export type Exported = { user: User; hash: string | null }

const portion = 500

/**
 * All users in the order of their ids, portion by portion: no portion costs more than the first, and who registers
 * meanwhile may be in it or not. That it was done stands in the audit log before the first user goes out.
 */
export async function* exportUsers(app: App, withHashes: boolean): AsyncGenerator<Exported[]> {
  await inAuditedTransaction(app, operatorAct, async (_, record) => {
    record({ event: 'users_exported', details: { password_hashes: withHashes } })
  })
  const { db } = app.database
  for (let after = ''; ; ) {
    const rows = await listUserRowsAfter(db, after, portion)
    if (rows.length === 0) return
    after = rows.at(-1)!.id
    const ids = rows.map(({ id }) => id)
    const hashes = withHashes ? await findPasswordHashes(db, ids) : new Map<string, string>()
    yield rows.map((row) => ({ user: userOf(row), hash: hashes.get(row.id) ?? null }))
  }
}
