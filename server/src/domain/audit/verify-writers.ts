import { toRfc3339 } from '../../clock.ts'
import type { Db } from '../../database/connect.ts'
import { timeOfId } from '../../random.ts'
import { type AuditWriterRow, findWriter, listWriters } from './store.ts'
import type { Finding } from './verify.ts'
import type { ChainEnds } from './verify-checkpoints.ts'
import { sentence } from './verify-sentence.ts'

const page = 1000

/** What the list of writers says of each chain. */
export type Writers = Map<string, AuditWriterRow>

export async function readWriters(db: Db): Promise<Writers> {
  const known: Writers = new Map()
  for (let behind = ''; ; ) {
    const writers = await listWriters(db, page, behind)
    for (const row of writers) known.set(row.writer, row)
    if (writers.length < page) return known
    behind = writers.at(-1)!.writer
  }
}

/**
 * The list of writers was written with the first line of each, and knows how far checkpoints went.
 * @param writers read before the checkpoints were
 * @param seen the last line of each chain that is there
 */
export async function compareWriters(
  db: Db,
  writers: Writers,
  ends: ChainEnds,
  seen: Map<string, number>,
  findings: Finding[],
): Promise<void> {
  const find = (kind: Finding['kind'], writer: string, from: number, to: number, trouble: string) =>
    findings.push({ kind, writer, user: null, from, to, what: 'lines', sentence: sentence(writer, from, to, trouble) })
  for (const [writer, { covered_seq: covered, started_at, removed_in }] of writers) {
    const end = ends.get(writer)
    if (end?.removed) continue
    if (started_at !== timeOfId(writer)) findings.push(wronglyListed(writer, 'says that it began at another time'))
    if (removed_in !== null) findings.push(wronglyListed(writer, 'says that it goes, which no checkpoint says'))
    if (!seen.has(writer) && !end) findings.push(wholeChain(writer, Math.max(1, covered), null, null))
    else if (covered > (end?.seq ?? 0)) {
      find('truncated', writer, (end?.seq ?? 0) + 1, covered, 'were covered by a checkpoint that is missing')
    }
  }
  for (const [writer, last] of seen) {
    if (writers.has(writer) || ends.get(writer)?.removed) continue
    // A chain that began meanwhile is listed by now.
    if (await findWriter(db, writer)) continue
    find('unlisted', writer, 1, last, 'were taken off the list of writers, so that no checkpoint would cover them')
  }
}

export function wholeChain(writer: string, to: number, checkpoint: number | null, at: number | null): Finding {
  const proof =
    checkpoint === null || at === null
      ? 'the list of writers knows it'
      : `checkpoint ${checkpoint} of ${toRfc3339(at)} signed it`
  const text = `The whole chain of writer ${writer} is missing, ${to} lines or more: ${proof}.`
  return { kind: 'truncated', writer, user: null, from: 1, to, what: 'lines', sentence: text }
}

function wronglyListed(writer: string, words: string): Finding {
  const sentence = `The list of writers was edited: of writer ${writer} it ${words}.`
  return { kind: 'edited', writer, user: null, from: 0, to: 0, what: 'writers', sentence }
}
