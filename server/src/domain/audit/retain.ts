import type { Db, Tx } from '../../database/connect.ts'
import { timeOfId } from '../../random.ts'
import { type CheckpointBody, type Head, openCheckpoint, speaksFor } from './checkpoint.ts'
import { erasingEvents } from './events.ts'
import { digestOfPerson } from './persons.ts'
import {
  type AuditCheckpointRow,
  deleteCheckpointsBelow,
  deleteErasedPersons,
  deleteLinesUpTo,
  deleteWriter,
  findHead,
  findLastCheckpoint,
  listCheckpointsBelow,
  listErasedIn,
  listSeqs,
  listWritersBefore,
  listWritersToRemove,
  setRemovedIn,
} from './store.ts'

/**
 * Old lines go by whole chains, which are half a day long at most: a signed checkpoint names those that go, and how far
 * they went, before the first line is deleted. What is left verifies as before.
 */
const mostAtOnce = 200

/** Chains whose every line is older. @param keptSince milliseconds since 1970 */
export async function expiredChains(db: Db, keptSince: number): Promise<Head[]> {
  const expired: Head[] = []
  for (const { writer, covered_seq } of await listWritersBefore(db, keptSince, mostAtOnce)) {
    // What the list and the lines say of time, somebody may have written there; the name of a chain is in what was signed.
    if (timeOfId(writer) >= keptSince) continue
    const head = await findHead(db, writer)
    // Never a chain that nobody has signed: what it says would be gone without a trace.
    if (!head || head.at >= keptSince || head.seq > covered_seq) continue
    expired.push([writer, head.seq, head.hash.toString('base64url')])
  }
  return expired
}

/** Digests of the people of whom these chains say that they were erased. @param removed what `expiredChains` found */
export async function erasuresIn(db: Db, keptSince: number, removed: Head[]): Promise<string[]> {
  if (removed.length === 0) return []
  const writers = removed.map(([writer]) => writer)
  // Their last lines are older than that; a clock that was set back may have made others newer.
  const ids = await listErasedIn(db, writers, erasingEvents, keptSince + day)
  return [...new Set(ids.map(digestOfPerson))].sort()
}

/** So many checkpoints go at once; more go with the next one. */
const mostCheckpoints = 1000

/**
 * The oldest checkpoint that is worth keeping: what older ones say is about lines that go with them.
 * @param removed what `expiredChains` found
 * @param last the checkpoint before the one that is being made, which must be as it was signed
 * @param trusted public keys by id
 * @returns the number, or a number and what is wrong with it: that one may be old or not, and nothing goes
 */
export async function firstKept(
  db: Db,
  keptSince: number,
  removed: Head[],
  last: AuditCheckpointRow | undefined,
  trusted: Map<string, string>,
): Promise<{ first: number; wrong?: 'altered' | 'forged' }> {
  if (last === undefined) return { first: 1 }
  const first = firstOf(last)
  // There are more to go, and older checkpoints may speak of them.
  if (removed.length === mostAtOnce) return { first }
  const newestFirst = await listCheckpointsBelow(db, first + mostCheckpoints, mostCheckpoints)
  const isStrange = (row: AuditCheckpointRow) =>
    row.number >= first && openCheckpoint(row, trusted).wrong === 'unknown key'
  if (newestFirst.some(isStrange)) {
    const broken = await brokenLink(db, last, first)
    if (broken !== null) return { first: broken, wrong: 'altered' }
  }
  let kept = first
  for (const row of newestFirst.reverse()) {
    if (row.number < first) continue
    const { body, wrong } = openCheckpoint(row, trusted)
    if (body === null) return { first: row.number, wrong }
    if (body.at >= keptSince - speaksFor) break
    kept = row.number + 1
  }
  return { first: kept }
}

/**
 * Each checkpoint names the hash of the one before: so the last proves also those whose key was not given.
 * @returns the newest that is not the one that the next one follows on, or null
 */
async function brokenLink(db: Db, last: AuditCheckpointRow, first: number): Promise<number | null> {
  let newer = JSON.parse(last.body) as CheckpointBody
  while (newer.number > first) {
    const rows = await listCheckpointsBelow(db, newer.number, 500)
    if (rows.length === 0) return newer.number - 1
    for (const row of rows) {
      if (row.number < first) return null
      const { body } = openCheckpoint(row, new Map())
      const follows = row.number === newer.number - 1 && newer.prev_hash === row.hash.toString('base64url')
      if (body === null || !follows) return newer.number - 1
      newer = body
    }
  }
  return null
}

export async function markRemoved(tx: Tx, writers: string[], checkpoint: number): Promise<void> {
  if (writers.length > 0) await setRemovedIn(tx, writers, checkpoint)
}

/**
 * Deletes one small batch of what a checkpoint has said goes.
 * @param keptSince milliseconds since 1970
 * @returns how many rows went; 0: nothing is left to do
 */
export async function removeOldLines(db: Db, keptSince: number, limit = 500): Promise<number> {
  const [leaving] = await listWritersToRemove(db, 1)
  if (leaving) {
    const seqs = await listSeqs(db, leaving.writer, limit)
    // From the old end on, so that what is left is the end of a chain at any moment.
    if (seqs.length > 0) return deleteLinesUpTo(db, leaving.writer, seqs.at(-1)!)
    await deleteWriter(db, leaving.writer)
    return 1
  }
  const last = await findLastCheckpoint(db)
  const gone = last ? await deleteCheckpointsBelow(db, firstOf(last), limit) : 0
  return gone > 0 ? gone : deleteErasedPersons(db, keptSince - 2 * day, limit)
}

/** The oldest checkpoint that is kept, as this one says. */
export function firstOf(checkpoint: AuditCheckpointRow): number {
  return (JSON.parse(checkpoint.body) as CheckpointBody).first
}

const day = 24 * 60 * 60 * 1000
