import { toRfc3339 } from '../../clock.ts'
import type { Db } from '../../database/connect.ts'
import { timeOfId } from '../../random.ts'
import { type CheckpointBody, type Head, mayBeGone, openCheckpoint } from './checkpoint.ts'
import type { CheckpointCopy } from './checkpoint-file.ts'
import { type AuditCheckpointRow, listCheckpointsBelow } from './store.ts'
import type { Finding } from './verify.ts'

/** A line whose hash a checkpoint names. */
export type Mark = {
  seq: number
  hash: string
  checkpoint: number
  at: number
  /** Signed by a key that was not given; but it is there as it was when a later one with a known key followed on it. */
  isVouched: boolean
}

/** The furthest that a checkpoint says of each chain, and all that any says of its lines, by their number. */
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
  /** The retention has taken nothing newer, as they say: milliseconds since 1970. */
  kept_since: number
  /** What those say whose key was not given: it proves nothing, but may be why something is not there. */
  claimed: { ends: ChainEnds; erased: Set<string>; first: number; kept_since: number }
  /** The finding about each key that was not given. */
  unknown: Map<string, UnknownKey>
}

type UnknownKey = { finding: Finding; count: number; removed: number }

/** Does a checkpoint say that this chain goes, or went? */
export function isLeaving({ ends, claimed }: Signed, writer: string): boolean {
  return ends.get(writer)?.removed === true || claimed.ends.get(writer)?.removed === true
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
    kept_since: Number.NEGATIVE_INFINITY,
    claimed: { ends: new Map(), erased: new Set(), first: above + 1, kept_since: Number.NEGATIVE_INFINITY },
    unknown: new Map(),
  }
  /** Null where what it says of the one before counts for nothing: it was altered, or nobody vouches for its key. */
  let newer = null as CheckpointBody | null
  let newerNumber: number | null = null
  for await (const row of newestFirst(db, above)) {
    signed.count++
    const hash = row.hash.toString('base64url')
    signed.hashes.set(row.number, hash)
    const isVouched: boolean = newerNumber === row.number + 1 && newer?.prev_hash === hash
    if (newerNumber !== null && row.number !== newerNumber - 1) {
      findings.push(finding('missing', row.number + 1, newerNumber - 1, 'are missing between others'))
    } else if (newer && newer.prev_hash !== hash) {
      findings.push(finding('edited', row.number, row.number, 'is not the one that the next one follows on'))
    }
    const { body, wrong } = openCheckpoint(row, trusted)
    if (wrong === null) {
      signed.newest ??= { number: row.number, at: row.at, key_id: row.key_id }
      if (row.number === signed.newest.number) signed.first = Math.max(above + 1, body.first)
      take(signed, body)
    } else if (wrong === 'unknown key') {
      noteUnknown(signed, row, body, findings)
      claim(signed, body, isVouched)
    } else findings.push(finding(...troubles[wrong](row)))
    newer = wrong === null || (wrong === 'unknown key' && isVouched) ? body : null
    newerNumber = row.number
  }
  const first = Math.max(signed.first, signed.claimed.first)
  if (newerNumber !== null && newerNumber > first) {
    findings.push(finding('missing', first, newerNumber - 1, 'are missing at the old end'))
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

function take(said: Pick<Signed, 'ends' | 'erased' | 'kept_since'>, body: CheckpointBody): void {
  const { ends, erased } = said
  takeEnds(ends, body, false)
  said.kept_since = Math.max(said.kept_since, body.kept_since)
  for (const digest of body.erased) erased.add(digest)
}

/** What it says of lines counts if a later one follows on it; what it says is gone, nobody can judge. */
function claim({ ends, claimed }: Signed, body: CheckpointBody, isVouched: boolean): void {
  take(claimed, body)
  claimed.first = Math.max(claimed.first, body.first)
  if (isVouched) takeEnds(ends, { ...body, removed: [] }, true)
}

/** One finding for each key, however much it has signed. */
function noteUnknown({ unknown }: Signed, row: AuditCheckpointRow, body: CheckpointBody, findings: Finding[]): void {
  const { number, key_id: key } = row
  let known = unknown.get(key)
  if (known === undefined) {
    known = { finding: finding('unknown_key', number, number, ''), count: 0, removed: 0 }
    unknown.set(key, known)
    findings.push(known.finding)
  }
  known.count++
  known.removed += body.removed.length
  known.finding.from = Math.min(known.finding.from, number)
  known.finding.to = Math.max(known.finding.to, number)
  known.finding.sentence = notJudged(key, known)
}

function notJudged(key: string, { finding: { from, to }, count, removed }: UnknownKey): string {
  const some = count < to - from + 1 ? `, ${count} of them,` : ''
  const which = from === to ? `Checkpoint ${from} was` : `Checkpoints ${from} to ${to}${some} were`
  const gone = removed > 0 ? `, nor whether the retention has removed ${removed} chains` : ''
  const cannot = `what it has signed cannot be judged${gone}`
  const give = 'Give the former NTT_AUTH_MASTER_KEY too; if there never was one, somebody else has signed.'
  return `${which} signed by the key ${key}, which none of the given master keys leads to: ${cannot}. ${give}`
}

function takeEnds(ends: ChainEnds, body: CheckpointBody, isVouched: boolean): void {
  const { number, at, heads, removed, kept_since } = body
  const take = ([writer, seq, hash]: Head, isRemoved: boolean) => {
    const known = ends.get(writer)
    const marks = known?.marks ?? new Map<number, Mark>()
    // What was said first is what was written.
    const said = marks.get(seq)
    const mark = said && said.checkpoint < number ? said : { seq, hash, checkpoint: number, at, isVouched }
    marks.set(seq, mark)
    const furthest = known !== undefined && known.seq > seq ? known : mark
    ends.set(writer, { ...furthest, removed: isRemoved || (known?.removed ?? false), marks })
  }
  for (const head of heads) take(head, false)
  // The name of a chain has its time: none goes before that is due, whatever was signed.
  for (const head of removed) take(head, timeOfId(head[0]) < kept_since)
}

/** Whether the retention explains that a checkpoint is gone: what nobody can judge may be why. */
function isForgotten(row: Place, { first, kept_since, claimed }: Signed): boolean {
  return mayBeGone(row, {
    first: Math.max(first, claimed.first),
    kept_since: Math.max(kept_since, claimed.kept_since),
  })
}

/**
 * Compares a copy of the checkpoints with those in the database: what is in the copy only was cut off, or taken away
 * before its time. Its statements about chains count like those of the database.
 * @param copy opened before the checkpoints in the database were read: of those made meanwhile it must know nothing
 */
export async function verifyCopy(
  { path, rows }: CheckpointCopy,
  signed: Signed,
  trusted: Map<string, string>,
  findings: Finding[],
): Promise<void> {
  // They were read from the newest on.
  const newest = signed.hashes.keys().next().value ?? 0
  const oldest = [...signed.hashes.keys()].at(-1) ?? 1
  const retained = { ...signed, claimed: { ...signed.claimed } }
  const seen: Place[] = []
  const cut: CheckpointBody[] = []
  const gone: CheckpointBody[] = []
  const unknown: AuditCheckpointRow[] = []
  /** What those that count say of the one before, where its key was not known. */
  const vouched = new Map<number, string>()
  const compare = (row: AuditCheckpointRow, body: CheckpointBody, proof: 'signed' | 'vouched' | 'none') => {
    seen.push({ number: body.number, at: body.at })
    const here = signed.hashes.get(row.number)
    if (here === undefined && proof !== 'none') {
      if (row.number > newest) cut.push(body)
      // Between others it is missed already.
      else if (row.number < oldest) gone.push(body)
      if (proof === 'signed') take(signed, body)
      else claim(signed, body, true)
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
    if (isForgotten(row, retained)) {
      seen.push({ number: row.number, at: row.at })
      continue
    }
    const { body, wrong } = openCheckpoint(row, trusted)
    if (wrong === null) {
      compare(row, body, 'signed')
      if (unknown.at(-1)?.number === row.number - 1) vouched.set(row.number - 1, body.prev_hash)
    } else if (wrong === 'unknown key') unknown.push(row)
    else findings.push(strange(row, path, wrong))
  }
  // The one that vouches for a former key comes after those which that key signed.
  for (const row of unknown.reverse()) {
    const { body, wrong } = openCheckpoint(row, trusted)
    if (body === null) {
      findings.push(strange(row, path, wrong))
      continue
    }
    const hash = row.hash.toString('base64url')
    const isVouched = vouched.get(row.number) === hash
    // Of those in the database it was said.
    if (wrong !== null && signed.hashes.get(row.number) !== hash) noteUnknown(signed, row, body, findings)
    const proof = wrong === null ? 'signed' : isVouched ? 'vouched' : 'none'
    compare(row, body, proof)
    if (proof !== 'none') vouched.set(row.number - 1, body.prev_hash)
  }
  if (gone.length > 0) {
    const why = 'which no retention explains'
    findings.push(missed('missing', gone, (has) => `are missing at the old end, ${why}: ${path} has ${has}`))
  }
  findings.push(...gapsIn(path, seen, retained, { oldest, newest }))
  if (cut.length > 0) {
    findings.push(missed('truncated', cut, (has) => `are missing at the end: ${path} has ${has}`))
  }
}

function missed(kind: 'missing' | 'truncated', bodies: CheckpointBody[], words: (has: string) => string): Finding {
  const inOrder = bodies.toSorted((one, other) => one.number - other.number)
  const [from, to] = [inOrder[0]!, inOrder.at(-1)!]
  const last = from.number === to.number ? 'it, it' : 'them, the last of them'
  return finding(kind, from.number, to.number, words(`${last} was made at ${toRfc3339(to.at)}`))
}

/**
 * A copy takes what is signed, in order, and nothing else: what is in neither it nor the database, though later ones
 * follow on it, was put there by somebody and taken away, or was lost on both sides.
 */
function gapsIn(
  path: string,
  seen: Place[],
  signed: Signed,
  { oldest, newest }: { oldest: number; newest: number },
): Finding[] {
  const gaps: Finding[] = []
  const inOrder = seen.toSorted((one, other) => one.number - other.number)
  for (const [index, { number: next }] of inOrder.entries()) {
    const before = inOrder[index - 1]
    if (before === undefined || next <= before.number + 1) continue
    // A node may have been away for longer than the retention lasts; what follows on an old one may be old.
    const from = isForgotten(before, signed) ? Math.max(before.number + 1, signed.first) : before.number + 1
    // What the database lacks between others is missed already.
    for (const [lost, end] of [
      [from, Math.min(next, oldest) - 1],
      [Math.max(from, newest + 1), next - 1],
    ] as const) {
      if (lost <= end) gaps.push(finding('missing', lost, end, `are missing between others in ${path}`))
    }
  }
  return gaps
}

function strange({ number }: AuditCheckpointRow, path: string, wrong: 'altered' | 'forged'): Finding {
  const sentence = `Checkpoint ${number} in ${path} is not as it was signed (${wrong}).`
  return { ...finding('edited', number, number, ''), sentence }
}

/** When a checkpoint was made, in the order of all. */
type Place = Pick<CheckpointBody, 'number' | 'at'>

type Trouble = [Finding['kind'], number, number, string]

const troubles: Record<'altered' | 'forged', (row: AuditCheckpointRow) => Trouble> = {
  altered: ({ number }) => ['edited', number, number, 'was edited: it does not fit its own hash'],
  forged: ({ number }) => ['forged', number, number, 'was not signed by this server'],
}

function finding(kind: Finding['kind'], from: number, to: number, trouble: string): Finding {
  const which = from === to ? `Checkpoint ${from}` : `Checkpoints ${from} to ${to}`
  const words = from === to ? trouble.replace(/^are /, 'is ') : trouble
  return { kind, writer: null, user: null, from, to, what: 'checkpoints', sentence: `${which} ${words}.` }
}
