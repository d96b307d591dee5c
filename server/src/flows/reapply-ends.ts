import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import type { End } from '../domain/journal/journal.ts'
import { recordRevocations } from '../domain/revocations/record.ts'
import type { RevocationRow } from '../domain/revocations/store.ts'
import { endSession, endSessionsOfUserStartedBy } from '../domain/sessions/end.ts'
import { revokedSpan } from './end-sessions.ts'

const batchSize = 200

/**
 * Ends again what had ended, should the database have gone back (a restore, a failover to a lagging replica). Reads the
 * journal from its newest line: an end is in the journal only after its commit, so a batch that the database knows in
 * full proves that nothing older is missing either. Guarded updates throughout: doing it twice does nothing.
 * @returns how many lines had to be applied again
 */
export async function reapplyEnds(app: App): Promise<number> {
  let applied = 0
  for (const batch of batches(app.journal.newestFirst())) {
    const changed = await inTransaction(app.database, async (tx) => {
      const missing: End[] = []
      for (const end of batch) if (await applyEnd(tx, end)) missing.push(end)
      return { missing, revocations: await revokeAgain(app, tx, missing) }
    })
    app.revocations.add(changed.revocations)
    applied += changed.missing.length
    if (changed.missing.length === 0) break
  }
  if (applied > 0) app.log.warn({ event: 'ends_reapplied', count: applied }, 'the database had gone back')
  return applied
}

async function applyEnd(tx: Tx, end: End): Promise<boolean> {
  if (end.kind === 'session') return endSession(tx, end.id, end.reason, end.at)
  return endSessionsOfUserStartedBy(tx, end.id, end.reason, end.at)
}

/** Access tokens from before the end may still be alive: the revocations went back with the sessions. */
async function revokeAgain(app: App, tx: Tx, ends: End[]): Promise<RevocationRow[]> {
  const now = app.clock.now()
  const rows: RevocationRow[] = []
  for (const end of ends) {
    const span = revokedSpan(app, end.at)
    if (span.until > now) rows.push(...(await recordRevocations(tx, end.kind, [end.id], end.reason, span, now)))
  }
  return rows
}

function* batches(ends: Iterable<End>): Generator<End[]> {
  let batch: End[] = []
  for (const end of ends) {
    batch.push(end)
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
