import type { Db, Tx } from '../../database/connect.ts'
import type { CheckpointBody, Head } from './checkpoint.ts'
import { erasingEvents } from './events.ts'
import { digestOfPerson } from './persons.ts'
import {
  type AuditCheckpointRow,
  deleteCheckpointsBelow,
  deleteErasedPersons,
  deleteLinesUpTo,
  deleteWriter,
  findCheckpointSince,
  findHead,
  findLastCheckpoint,
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

/**
 * The oldest checkpoint that is worth keeping: what older ones say is about lines that go with them.
 * @param removed what `expiredChains` found
 * @param last the checkpoint before the one that is being made
 */
export async function firstKept(
  db: Db,
  keptSince: number,
  removed: Head[],
  last: AuditCheckpointRow | undefined,
): Promise<number> {
  if (last === undefined) return 1
  // There are more to go, and older checkpoints may speak of them.
  if (removed.length === mostAtOnce) return firstOf(last)
  // A chain that is kept may have been signed for the last time up to its life before its end was due.
  const kept = await findCheckpointSince(db, keptSince - 2 * day)
  return Math.max(firstOf(last), kept ?? last.number + 1)
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
