import type { Db, Tx } from '../../database/connect.ts'
import { timeOfId } from '../../random.ts'
import { type CheckpointBody, type Head, openCheckpoint, speaksFor } from './checkpoint.ts'
import { erasingEvents } from './events.ts'
import { firstHash } from './lanes.ts'
import { hashOfLine } from './line.ts'
import { digestOfPerson } from './persons.ts'
import {
  type AuditCheckpointRow,
  type AuditLineRow,
  deleteCheckpointsBelow,
  deleteErasedPersons,
  deleteLinesUpTo,
  deleteWriter,
  findHead,
  findLastCheckpoint,
  listCheckpointsBehind,
  listCheckpointsBelow,
  listErasedIn,
  listLinesBehind,
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

/** So many lines are read again in one turn; of the chains that are left the next turn reads. */
const mostRead = 20_000

/**
 * The chains of these that are as they were signed, each to its last line. Whoever can write to the database can put
 * lines there; what they say must not be signed when the chain goes, and an altered chain is the evidence.
 * @param expired what `expiredChains` found
 * @param last the last checkpoint, which must be as it was signed
 * @param trusted public keys by id
 * @returns those that may go, and those of which something else stands there than was signed
 */
export async function asSigned(
  db: Db,
  expired: Head[],
  last: AuditCheckpointRow | undefined,
  trusted: Map<string, string>,
): Promise<{ whole: Head[]; altered: Head[] }> {
  const signed = await signedHeads(db, expired, last, trusted)
  const whole: Head[] = []
  const altered: Head[] = []
  let read = 0
  for (const head of expired) {
    if (read >= mostRead) break
    const isWhole = signed.has(head) && (await isChain(db, head, (count) => (read += count)))
    if (isWhole) whole.push(head)
    else altered.push(head)
  }
  return { whole, altered }
}

/** Those that a checkpoint has named just so. */
async function signedHeads(
  db: Db,
  heads: Head[],
  last: AuditCheckpointRow | undefined,
  trusted: Map<string, string>,
): Promise<Set<Head>> {
  const found = new Set<Head>()
  const wanted = new Map(heads.map((head) => [head[0], head]))
  for (let behind = 0; last !== undefined && wanted.size > 0; ) {
    const rows = await listCheckpointsBehind(db, behind, 500)
    for (const row of rows) {
      if (![...wanted.keys()].some((writer) => row.body.includes(writer))) continue
      const { body, wrong } = openCheckpoint(row, trusted)
      // One whose key was not given counts where all that was signed since follows on it.
      if (body === null || (wrong !== null && (await brokenLink(db, last, row.number)) !== null)) continue
      for (const [writer, seq, hash] of body.heads) {
        const head = wanted.get(writer)
        if (head?.[1] !== seq || head[2] !== hash) continue
        found.add(head)
        wanted.delete(writer)
      }
    }
    if (rows.length < 500) break
    behind = rows.at(-1)!.number
  }
  return found
}

/** Whether every line follows on the one before, from the first to this last one. */
async function isChain(db: Db, [writer, end, hash]: Head, count: (lines: number) => void): Promise<boolean> {
  let last: Pick<AuditLineRow, 'seq' | 'hash'> = { seq: 0, hash: firstHash }
  while (last.seq < end) {
    const lines = await listLinesBehind(db, { writer, seq: last.seq }, 500)
    count(lines.length)
    if (lines[0]?.writer !== writer) return false
    for (const line of lines) {
      if (line.writer !== writer || last.seq === end) break
      const follows = line.seq === last.seq + 1 && line.prev_hash.equals(last.hash)
      if (!follows || !hashOfLine(line).equals(line.hash)) return false
      last = line
    }
  }
  return last.hash.toString('base64url') === hash
}

/** Digests of the people of whom these chains say that they were erased. @param removed what `asSigned` found whole */
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
 * @param removed the chains that go
 * @param last the checkpoint before the one that is being made, which must be as it was signed
 * @param trusted public keys by id
 * @param areMore whether old chains stay for now
 * @returns the number, or a number and what is wrong with it: that one may be old or not, and nothing goes
 */
export async function firstKept(
  db: Db,
  keptSince: number,
  removed: Head[],
  last: AuditCheckpointRow | undefined,
  trusted: Map<string, string>,
  areMore = false,
): Promise<{ first: number; wrong?: 'altered' | 'forged' }> {
  if (last === undefined) return { first: 1 }
  const first = firstOf(last)
  // Older checkpoints may speak of them.
  if (areMore || removed.length === mostAtOnce) return { first }
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
