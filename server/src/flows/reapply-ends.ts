import type { App } from '../app.ts'
import type { Db, Tx } from '../database/connect.ts'
import type { End } from '../domain/journal/journal.ts'
import { findSigningKey } from '../domain/keys/store.ts'
import { recordRevocations } from '../domain/revocations/record.ts'
import { listRevokedTokens, type RevocationRow } from '../domain/revocations/store.ts'
import { endSession, endSessionsOfUserStartedBy } from '../domain/sessions/end.ts'
import { listEndedSessions, listEndedUsers } from '../domain/sessions/store.ts'
import { systemAct } from './acting.ts'
import { announceRevocations } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { repeatWhenMoved } from './repeat-when-moved.ts'
import { revokeKeyOnce } from './revoke-key.ts'
import { revokedSpan } from './revoked-span.ts'

const batchSize = 500

/**
 * Ends again what had ended, should the database have gone back (a restore, a failover to a lagging replica). Guarded
 * updates throughout: doing it twice does nothing.
 * @returns how many lines had to be applied again
 */
export async function reapplyEnds(app: App): Promise<number> {
  let applied = 0
  // Oldest first: where this stops half-way, the newest are still missing, and the next start comes back for the rest.
  for (const batch of batches((await missingEnds(app)).reverse())) {
    // Several nodes that start at once on a restored database all come to take the same key away.
    const changed = await repeatWhenMoved(() => reapplyBatch(app, batch))
    announceRevocations(app, changed.revocations)
    applied += changed.count
  }
  if (applied > 0) await app.keys.read()
  if (applied > 0) app.log.warn({ event: 'ends_reapplied', count: applied }, 'the database had gone back')
  return applied
}

async function reapplyBatch(app: App, batch: End[]) {
  const keyTime = await app.time.shared()
  return inAuditedTransaction(app, systemAct, async (tx, record) => {
    let count = 0
    const revocations: RevocationRow[] = []
    const revoke = async (kid: string) => void revocations.push(...(await revokeKeyOnce(app, tx, record, kid, keyTime)))
    for (const end of batch) if (await applyEnd(tx, revoke, end)) count++
    if (count > 0) record({ event: 'ends_reapplied', details: { count } })
    return { count, revocations: [...revocations, ...(await revokeAgain(app, tx, batch))] }
  })
}

/**
 * What the journal has and the database does not, newest first. A line is written after its commit, so ends that the
 * database knows prove that it has not lost older ones. An end it knows nothing of proves neither: its session may have
 * been opened and lost after the backup.
 */
async function missingEnds(app: App): Promise<End[]> {
  const missing: End[] = []
  for (const batch of batches(app.journal.newestFirst())) {
    missing.push(...(await unknownTokens(app, batch)))
    // An access token outlives no restore by much: its line proves nothing about older ends.
    const ends = batch.filter(({ kind }) => kind !== 'token')
    const unknown = await unknownEnds(app.database.db, ends)
    missing.push(...unknown)
    // One known end is not enough: ends that come at once may be written in another order than committed.
    if (unknown.length < ends.length / 2) break
  }
  return missing
}

async function unknownTokens(app: App, batch: End[]): Promise<End[]> {
  const now = app.clock.now()
  const alive = batch.filter(({ kind, at }) => kind === 'token' && revokedSpan(at).until > now)
  const ids = alive.map(({ id }) => id)
  const known = new Set(await listRevokedTokens(app.database.db, ids, now))
  return alive.filter(({ id }) => !known.has(id))
}

async function unknownEnds(db: Db, batch: End[]): Promise<End[]> {
  const idsOf = (kind: End['kind']) => batch.filter((end) => end.kind === kind).map(({ id }) => id)
  const times = batch.map(({ at }) => at)
  const known = new Set<string>()
  for (const row of await listEndedSessions(db, idsOf('session'), times)) known.add(`session ${row.id} ${row.ended_at}`)
  for (const row of await listEndedUsers(db, idsOf('user'), times)) known.add(`user ${row.user_id} ${row.ended_at}`)
  for (const kid of idsOf('key')) {
    const row = await findSigningKey(db, kid)
    // One that was made and lost after the backup can sign nothing any more.
    if (!row || row.state === 'removed') for (const { at } of batch) known.add(`key ${kid} ${at}`)
  }
  return batch.filter(({ kind, id, at }) => !known.has(`${kind} ${id} ${at}`))
}

async function applyEnd(tx: Tx, revokeKey: (kid: string) => Promise<void>, end: End): Promise<boolean> {
  if (end.kind === 'token') return true
  if (end.kind === 'key') {
    const row = await findSigningKey(tx, end.id)
    if (!row || row.state === 'removed') return false
    await revokeKey(end.id)
    return true
  }
  if (end.kind === 'session') return endSession(tx, end.id, end.reason, end.at)
  return endSessionsOfUserStartedBy(tx, end.id, end.reason, end.at)
}

/** Access tokens from before the end may still be alive: the revocations went back with the sessions. */
async function revokeAgain(app: App, tx: Tx, ends: End[]): Promise<RevocationRow[]> {
  const now = app.clock.now()
  const rows: RevocationRow[] = []
  for (const end of ends) {
    // Done where the key is taken away again.
    if (end.kind === 'key') continue
    const span = revokedSpan(end.at)
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
