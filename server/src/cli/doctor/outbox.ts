import { type Finding, fine, warning } from '../../database/finding.ts'
import { measureOutbox } from '../../domain/outbox/store.ts'
import type { Store } from './keys.ts'

/** Mail that somebody holds goes out to nobody, and grows old. */
export async function examineOutbox({ database }: Pick<Store, 'database'>): Promise<Finding[]> {
  if (!(await database.dialect.hasTable(database.db, 'outbox').catch(() => false))) return []
  const { held } = await measureOutbox(database.db)
  if (held === 0) return [fine('No mail is held.')]
  return [
    warning(
      `${held} mails are held: they go to nobody until somebody decides about them, and grow too old to be of use.`,
      'See "ntt-auth outbox list --state held", then run: ntt-auth outbox release, or for one of no use: ntt-auth outbox discard MAIL_ID --yes',
    ),
  ]
}
