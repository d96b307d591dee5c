import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { type CheckpointBody, type Head, openCheckpoint, signCheckpoint } from '../domain/audit/checkpoint.ts'
import { appendCheckpoint, checkpointFile } from '../domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../domain/audit/checkpoint-keys.ts'
import { asSigned, erasuresIn, expiredChains, firstKept, markRemoved } from '../domain/audit/retain.ts'
import {
  type AuditCheckpointRow,
  coverLines,
  findHead,
  findLastCheckpoint,
  insertCheckpoint,
  listGrownWriters,
} from '../domain/audit/store.ts'
import { CopyDisagrees, compareCopy } from './compare-copy.ts'

const page = 500

/**
 * Signs how far every chain of the audit log goes, wherever it has grown since the last time, and which chains go because
 * they are older than the retention. To be called by one node at a time; should two do it, one of them makes none.
 * @returns null when there was nothing to say
 * @throws CopyDisagrees when this node has seen something else signed, or what it would build upon is not as it was signed
 */
export async function makeCheckpoint(app: App): Promise<AuditCheckpointRow | null> {
  const { db, dialect } = app.database
  const now = app.clock.now()
  const last = await findLastCheckpoint(db)
  const copied = await compareCopy(app)
  const keys = checkpointKeys(app.masterKeys)
  const trusted = new Map(keys.known)
  const before = last ? signedBody(last, copied, trusted) : null
  const heads = await grownChains(app)
  const keptSince = (await app.time.earlier()) - app.config.auditRetention
  const expired = await expiredChains(db, keptSince)
  const { whole: removed, altered } = await asSigned(db, expired, last, trusted)
  for (const [writer] of altered) app.log.error({ event: 'audit_chain_altered', writer }, 'see "ntt-auth audit verify"')
  if (heads.length === 0 && removed.length === 0) return null
  const areMore = removed.length < expired.length
  const { first, wrong } = await firstKept(db, keptSince, removed, last, trusted, areMore)
  if (wrong) throw new CopyDisagrees(notAsSigned(first, wrong))
  const erased = await erasuresIn(db, keptSince, removed)
  // What is gone stays gone, also where the retention was made longer since.
  const formerly = before && Number.isFinite(before.kept_since) ? before.kept_since : keptSince
  const kept_since = Math.floor(Math.max(formerly, keptSince))
  const row = signCheckpoint(keys, last, { at: now, heads, removed, erased, first, kept_since })
  try {
    await inTransaction(app.database, async (tx) => {
      await insertCheckpoint(tx, row)
      for (const [writer, seq] of heads) await coverLines(tx, writer, seq)
      await markRemoved(
        tx,
        removed.map(([writer]) => writer),
        row.number,
      )
    })
  } catch (error) {
    if (dialect.isDuplicate(error)) return null
    throw error
  }
  appendCheckpoint(checkpointFile(app.config.dataDir), row)
  app.log.debug({ event: 'audit_checkpoint', number: row.number, chains: heads.length, removed: removed.length })
  return row
}

/**
 * Whoever can write to the database can put a checkpoint there, or alter what the columns say of one; signed over, it
 * would be the truth. One of a key that is not given is what a change of the master key leaves, where it was the last
 * that this node has seen, or where no node has seen any; of the latter nothing is believed.
 */
function signedBody(last: AuditCheckpointRow, copied: number, trusted: Map<string, string>): CheckpointBody | null {
  const { body, wrong } = openCheckpoint(last, trusted)
  if (wrong === null || (wrong === 'unknown key' && copied === last.number)) return body
  if (wrong === 'unknown key' && copied === 0) return null
  throw new CopyDisagrees(notAsSigned(last.number, wrong))
}

function notAsSigned(number: number, wrong: string): string {
  const trouble = `checkpoint ${number} in the database is not as it was signed (${wrong})`
  return `The audit log was altered: ${trouble}. This node signs no checkpoint over it. See "ntt-auth audit verify".`
}

/** The chains that reach further than the last checkpoint says. */
async function grownChains(app: App): Promise<Head[]> {
  const { db } = app.database
  const heads: Head[] = []
  for (let behind = ''; ; ) {
    const writers = await listGrownWriters(db, page, behind)
    for (const { writer, covered_seq } of writers) {
      const head = await findHead(db, writer)
      if (head && head.seq > covered_seq) heads.push([writer, head.seq, head.hash.toString('base64url')])
    }
    if (writers.length < page) return heads
    behind = writers.at(-1)!.writer
  }
}
