import { toRfc3339 } from '../../clock.ts'
import type { Db } from '../../database/connect.ts'
import { type CheckpointBody, type Head, openCheckpoint } from './checkpoint.ts'
import type { CheckpointCopy } from './checkpoint-file.ts'
import { type AuditCheckpointRow, listCheckpointsBelow } from './store.ts'
import type { Finding } from './verify.ts'

/** A line whose hash a good checkpoint names. */
export type Mark = { seq: number; hash: string; checkpoint: number; at: number }

/** The furthest that a good checkpoint says of each chain, and all that any says of its lines, by their number. */
export type ChainEnds = Map<string, Mark & { removed: boolean; marks: Map<number, Mark> }>

export type Signed = {
  ends: ChainEnds
  /** Digests of people of whom checkpoints say that they were erased. */
  erased: Set<string>
  count: number
  newest: { number: number; at: number; key_id: string } | null
  /** The hash of each checkpoint in the database by its number. */
  hashes: Map<number, string>
  /** The oldest checkpoint that must be there. */
  first: number
}

const page = 200

/**
 * Walks the checkpoints from the newest to the oldest: each names the hash of the one before, and a new signing key
 * vouches for the former one.
 * @param trusted public keys by id
 * @param above only those with a higher number
 */
export async function verifyCheckpoints(
  db: Db,
  trusted: Map<string, string>,
  findings: Finding[],
  above = 0,
): Promise<Signed> {
  const signed: Signed = {
    ends: new Map(),
    erased: new Set(),
    count: 0,
    newest: null,
    hashes: new Map(),
    first: above + 1,
  }
  let newer: CheckpointBody | null = null
  let newerNumber: number | null = null
  for await (const row of newestFirst(db, above)) {
    signed.count++
    signed.hashes.set(row.number, row.hash.toString('base64url'))
    if (newerNumber !== null && row.number !== newerNumber - 1) {
      findings.push(finding('missing', row.number + 1, newerNumber - 1, 'are missing between others'))
    } else if (newer && newer.prev_hash !== row.hash.toString('base64url')) {
      findings.push(finding('edited', row.number, row.number, 'is not the one that the next one follows on'))
    }
    const { body, wrong } = openCheckpoint(row, trusted)
    if (wrong !== null) findings.push(finding(...troubles[wrong](row)))
    if (body && signed.newest === null) {
      signed.newest = { number: row.number, at: row.at, key_id: row.key_id }
      signed.first = Math.max(above + 1, body.first)
    }
    if (body) take(signed, body)
    newer = body
    newerNumber = row.number
  }
  if (newerNumber !== null && newerNumber > signed.first) {
    findings.push(finding('missing', signed.first, newerNumber - 1, 'are missing at the old end'))
  }
  return signed
}

async function* newestFirst(db: Db, above: number): AsyncGenerator<AuditCheckpointRow> {
  for (let below = Number.MAX_SAFE_INTEGER; ; ) {
    const rows = await listCheckpointsBelow(db, below, page)
    for (const row of rows) {
      if (row.number <= above) return
      yield row
    }
    if (rows.length < page) return
    below = rows.at(-1)!.number
  }
}

function take({ ends, erased }: Signed, body: CheckpointBody): void {
  takeEnds(ends, body)
  for (const digest of body.erased) erased.add(digest)
}

function takeEnds(ends: ChainEnds, { number, at, heads, removed }: CheckpointBody): void {
  const take = ([writer, seq, hash]: Head, isRemoved: boolean) => {
    const known = ends.get(writer)
    const marks = known?.marks ?? new Map<number, Mark>()
    // What was said first is what was written.
    const said = marks.get(seq)
    const mark = said && said.checkpoint < number ? said : { seq, hash, checkpoint: number, at }
    marks.set(seq, mark)
    const furthest = known !== undefined && known.seq > seq ? known : mark
    ends.set(writer, { ...furthest, removed: isRemoved || (known?.removed ?? false), marks })
  }
  for (const head of heads) take(head, false)
  for (const head of removed) take(head, true)
}

/**
 * Compares a copy of the checkpoints with those in the database: what is in the copy only was cut off. Its statements
 * about chains count like those of the database.
 * @param copy opened before the checkpoints in the database were read: of those made meanwhile it must know nothing
 */
export async function verifyCopy(
  { path, rows }: CheckpointCopy,
  signed: Signed,
  trusted: Map<string, string>,
  findings: Finding[],
): Promise<void> {
  // They were read from the newest on.
  const [newest = 0] = signed.hashes.keys()
  const cut: CheckpointBody[] = []
  const unknown: AuditCheckpointRow[] = []
  const compare = (row: AuditCheckpointRow, body: CheckpointBody) => {
    const here = signed.hashes.get(row.number)
    if (here === undefined && row.number > newest) {
      cut.push(body)
      take(signed, body)
    } else if (here !== undefined && here !== row.hash.toString('base64url')) {
      findings.push(finding('edited', row.number, row.number, `is not the one in ${path}`))
    }
  }
  let line = 0
  for await (const row of rows()) {
    line++
    if (row === null) {
      findings.push({ ...finding('unreadable', line, line, ''), sentence: `Line ${line} of ${path} is no checkpoint.` })
      continue
    }
    // What the retention has removed is in the copy only, and rightly so.
    if (row.number < signed.first) continue
    const { body, wrong } = openCheckpoint(row, trusted)
    if (body) compare(row, body)
    else if (wrong === 'unknown key') unknown.push(row)
    else findings.push(strange(row, path, wrong))
  }
  // The one that vouches for a former key comes after those which that key signed.
  for (const row of unknown.reverse()) {
    const { body, wrong } = openCheckpoint(row, trusted)
    if (body) compare(row, body)
    else findings.push(strange(row, path, wrong))
  }
  if (cut.length === 0) return
  cut.sort((one, other) => one.number - other.number)
  const [from, to] = [cut[0]!, cut.at(-1)!]
  const last = from === to ? 'it, it' : 'them, the last of them'
  const trouble = `are missing at the end: ${path} has ${last} was made at ${toRfc3339(to.at)}`
  findings.push(finding('truncated', from.number, to.number, trouble))
}

function strange({ number }: AuditCheckpointRow, path: string, wrong: 'altered' | 'forged' | 'unknown key'): Finding {
  const kind = wrong === 'unknown key' ? 'unknown_key' : 'edited'
  const sentence = `Checkpoint ${number} in ${path} is not as it was signed (${wrong}).`
  return { ...finding(kind, number, number, ''), sentence }
}

type Trouble = [Finding['kind'], number, number, string]

const troubles: Record<'altered' | 'forged' | 'unknown key', (row: AuditCheckpointRow) => Trouble> = {
  altered: ({ number }) => ['edited', number, number, 'was edited: it does not fit its own hash'],
  forged: ({ number }) => ['forged', number, number, 'was not signed by this server'],
  'unknown key': ({ number, key_id }) => [
    'unknown_key',
    number,
    number,
    `was signed by the key ${key_id}, which none of the given master keys leads to; give the former NTT_AUTH_MASTER_KEY too`,
  ],
}

function finding(kind: Finding['kind'], from: number, to: number, trouble: string): Finding {
  const which = from === to ? `Checkpoint ${from}` : `Checkpoints ${from} to ${to}`
  const words = from === to ? trouble.replace(/^are /, 'is ') : trouble
  return { kind, writer: null, user: null, from, to, what: 'checkpoints', sentence: `${which} ${words}.` }
}
