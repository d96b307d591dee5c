import { toRfc3339 } from '../../clock.ts'
import type { Db } from '../../database/connect.ts'
import { type CheckpointCopy, openCopy } from './checkpoint-file.ts'
import type { CheckpointKeys } from './checkpoint-keys.ts'
import { isLeaving, type Signed, verifyCheckpoints, verifyCopy } from './verify-checkpoints.ts'
import { verifyLines } from './verify-lines.ts'
import { isErased } from './verify-persons.ts'
import { readWriters } from './verify-writers.ts'

/** Something that is not as it was written: what, where, and a sentence that says so. */
export type Finding = {
  kind:
    | 'edited'
    | 'missing'
    | 'reordered'
    | 'truncated'
    | 'forged'
    /** Not known to be wrong: for lack of this key it cannot be judged. */
    | 'unknown_key'
    | 'unreadable'
    | 'unlisted'
    | 'erased'
  /** The chain, for findings about lines and about the list of writers. */
  writer: string | null
  /** For findings about people. */
  user: string | null
  /** The first and last line of the chain, or the checkpoints, that it is about. */
  from: number
  to: number
  what: 'lines' | 'checkpoints' | 'writers' | 'persons'
  sentence: string
}

export type Verdict = {
  ok: boolean
  findings: Finding[]
  lines: number
  chains: number
  checkpoints: number
  /** The time of the oldest line; null: there is none. */
  begins_at: string | null
  /** Chains that were removed by the retention, as checkpoints say that are still there. */
  removed_chains: number
  last_checkpoint: { number: number; at: string; key_id: string } | null
  /** Lines that no checkpoint covers yet: whoever could write to the database could have put them there. */
  uncovered_lines: number
}

export type VerifyOptions = {
  keys: CheckpointKeys
  /** Copies of checkpoints, kept outside the database. */
  copies: string[]
  /** Hears of progress now and then. */
  tell(line: string): void
}

/** Reads the whole audit log and says whether it is what was written, and if not, what was done to it, and where. */
export async function verifyLog(db: Db, { keys, copies, tell }: VerifyOptions): Promise<Verdict> {
  const findings: Finding[] = []
  const trusted = new Map(keys.known)
  const held = await Promise.all(copies.map(openCopy))
  // Before the checkpoints: of those made meanwhile this list must know nothing.
  const writers = await readWriters(db)
  const signed = await readSigned(db, held, trusted, findings).finally(() =>
    Promise.all(held.map((copy) => copy.close())),
  )
  tell(`${signed.count} checkpoints read`)
  const lines = await verifyLines(db, writers, signed, findings, tell)
  const settled = await withoutLeaving(db, trusted, signed.newest?.number ?? 0, findings)
  return {
    ok: settled.length === 0,
    findings: settled,
    lines: lines.count,
    chains: lines.chains,
    checkpoints: signed.count,
    begins_at: lines.beginsAt === null ? null : toRfc3339(lines.beginsAt),
    removed_chains: [...signed.ends.values()].filter(({ removed }) => removed).length,
    last_checkpoint: signed.newest && { ...signed.newest, at: toRfc3339(signed.newest.at) },
    uncovered_lines: lines.uncovered,
  }
}

async function readSigned(db: Db, held: CheckpointCopy[], trusted: Map<string, string>, findings: Finding[]) {
  for (;;) {
    const found: Finding[] = []
    const signed: Signed = await verifyCheckpoints(db, trusted, found)
    for (const copy of held) await verifyCopy(copy, signed, trusted, found)
    // The checkpoint that vouches for a former key may be in a copy only: then that key can judge the others by now.
    if ([...signed.unknown.keys()].some((key) => trusted.has(key))) continue
    findings.push(...found)
    return signed
  }
}

/** A server that is running may have begun to remove chains while they were read. */
async function withoutLeaving(db: Db, trusted: Map<string, string>, since: number, findings: Finding[]) {
  if (findings.length === 0) return findings
  const newer = await verifyCheckpoints(db, trusted, [], since)
  return findings.filter(({ writer, user }) => {
    const leaves = writer !== null && isLeaving(newer, writer)
    return !leaves && !(user !== null && isErased(newer, user))
  })
}
