import type { Db } from '../../database/connect.ts'
import { timeOfId } from '../../random.ts'
import { type AuditWriterRow, findWriter, listWriters } from './store.ts'
import type { Finding } from './verify.ts'
import { isLeaving, type Mark, type Signed } from './verify-checkpoints.ts'
import { sentence, signedBy } from './verify-sentence.ts'

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
  signed: Signed,
  seen: Map<string, number>,
  findings: Finding[],
): Promise<void> {
  const find = (kind: Finding['kind'], writer: string, from: number, to: number, trouble: string) =>
    findings.push({ kind, writer, user: null, from, to, what: 'lines', sentence: sentence(writer, from, to, trouble) })
  for (const [writer, { covered_seq: covered, started_at, removed_in }] of writers) {
    if (isLeaving(signed, writer)) continue
    const end = signed.ends.get(writer)
    if (started_at !== timeOfId(writer)) findings.push(wronglyListed(writer, 'says that it began at another time'))
    if (removed_in !== null) findings.push(wronglyListed(writer, 'says that it goes, which no checkpoint says'))
    if (!seen.has(writer) && !end) {
      findings.push(wholeChain(writer, Math.max(1, covered), null))
      continue
    }
    const proven = end?.seq ?? 0
    const claimed = Math.min(covered, signed.claimed.ends.get(writer)?.seq ?? 0)
    // A checkpoint that says so is there, and nobody can judge it; but whether the lines are there can be seen.
    const there = Math.max(proven, seen.get(writer) ?? 0)
    if (claimed > there) {
      find('truncated', writer, there + 1, claimed, 'are missing at the end: the list of writers knows them')
    }
    const reach = Math.max(proven, claimed)
    if (covered > reach) {
      find('truncated', writer, reach + 1, covered, 'were covered by a checkpoint that is missing')
    }
  }
  for (const [writer, last] of seen) {
    if (writers.has(writer) || isLeaving(signed, writer)) continue
    // A chain that began meanwhile is listed by now.
    if (await findWriter(db, writer)) continue
    find('unlisted', writer, 1, last, 'were taken off the list of writers, so that no checkpoint would cover them')
  }
}

export function wholeChain(writer: string, to: number, mark: Mark | null): Finding {
  const proof = mark === null ? 'the list of writers knows it' : signedBy(mark, 'it')
  const text = `The whole chain of writer ${writer} is missing, ${to} lines or more: ${proof}.`
  return { kind: 'truncated', writer, user: null, from: 1, to, what: 'lines', sentence: text }
}

function wronglyListed(writer: string, words: string): Finding {
  const sentence = `The list of writers was edited: of writer ${writer} it ${words}.`
  return { kind: 'edited', writer, user: null, from: 0, to: 0, what: 'writers', sentence }
}
