import { toRfc3339 } from '../../clock.ts'
import type { Db } from '../../database/connect.ts'
import { firstHash } from './lanes.ts'
import { hashOfLine } from './line.ts'
import { type AuditLineRow, listLinesBehind } from './store.ts'
import type { Finding } from './verify.ts'
import { isLeaving, type Mark, type Signed } from './verify-checkpoints.ts'
import { watchPersons } from './verify-persons.ts'
import { sentence, signedBy } from './verify-sentence.ts'
import { compareWriters, type Writers, wholeChain } from './verify-writers.ts'

const page = 1000
const toldEvery = 100_000

type Walked = { count: number; chains: number; uncovered: number; beginsAt: number | null }

/** Reads every chain from its first line to its last, and holds it against what was signed about it. */
export async function verifyLines(
  db: Db,
  writers: Writers,
  signed: Signed,
  findings: Finding[],
  tell: (line: string) => void,
): Promise<Walked> {
  const { ends } = signed
  const walked: Walked = { count: 0, chains: 0, uncovered: 0, beginsAt: null }
  const seen = new Map<string, number>()
  const persons = watchPersons(db, signed)
  let chain: ReturnType<typeof openChain> | null = null
  for await (const lines of pages(db)) {
    await persons.see(lines)
    for (const line of lines) {
      if (line.writer !== chain?.writer) {
        chain?.close()
        chain = openChain(line.writer, signed, findings)
        walked.chains++
      }
      chain.follow(line, lines)
      seen.set(line.writer, line.seq)
      walked.count++
      if (line.seq > (ends.get(line.writer)?.seq ?? 0)) walked.uncovered++
      walked.beginsAt = Math.min(walked.beginsAt ?? line.at, line.at)
      if (walked.count % toldEvery === 0) tell(`${walked.count} lines read, up to ${toRfc3339(line.at)}`)
    }
  }
  chain?.close()
  for (const [writer, end] of ends) {
    if (!seen.has(writer) && !isLeaving(signed, writer)) findings.push(wholeChain(writer, end.seq, end))
  }
  await compareWriters(db, writers, signed, seen, findings)
  findings.push(...(await persons.close()))
  return walked
}

async function* pages(db: Db): AsyncGenerator<AuditLineRow[]> {
  for (let behind = { writer: '', seq: 0 }; ; ) {
    const lines = await listLinesBehind(db, behind, page)
    if (lines.length > 0) yield lines
    if (lines.length < page) return
    const { writer, seq } = lines.at(-1)!
    behind = { writer, seq }
  }
}

function openChain(writer: string, signed: Signed, findings: Finding[]) {
  const end = signed.ends.get(writer)
  let last: { seq: number; hash: Buffer } | null = isLeaving(signed, writer) ? null : { seq: 0, hash: firstHash }
  /** Of a line in trouble it says nothing that the next one does not follow on it. */
  let lastIsWhole = true
  /** The last line before the end of which a checkpoint says something else. */
  let contradicted: Mark | null = null
  /** Neighbours in the same trouble are one finding. */
  let open: Finding | null = null
  const find = (kind: Finding['kind'], from: number, to: number, trouble: string) => {
    if (open?.kind === kind && open.to === from - 1 && kind !== 'truncated') open.to = to
    else {
      open = { kind, writer, user: null, from, to, what: 'lines', sentence: '' }
      findings.push(open)
    }
    open.sentence = sentence(writer, open.from, open.to, trouble)
  }
  const contradict = (mark: Mark) => {
    const proof = signedBy(mark, 'something else')
    find('edited', mark.seq, mark.seq, `were edited, or a line before them was, and all hashed anew: ${proof}`)
  }
  return {
    writer,
    follow(line: AuditLineRow, neighbours: AuditLineRow[]) {
      if (last && line.seq !== last.seq + 1) find('missing', last.seq + 1, line.seq - 1, 'are missing')
      const linked = !lastIsWhole || last === null || line.seq !== last.seq + 1 || line.prev_hash.equals(last.hash)
      const isWhole = hashOfLine(line).equals(line.hash)
      if (!isWhole) {
        const place = truePlace(line, neighbours)
        if (place === null) find('edited', line.seq, line.seq, 'were edited: they do not fit their own hash')
        else
          find('reordered', line.seq, line.seq, `stand where they were not written: line ${line.seq} was line ${place}`)
      } else if (!linked) {
        find(
          'edited',
          line.seq - 1,
          line.seq - 1,
          'were edited and hashed anew: the next line follows on something else',
        )
      }
      // Every checkpoint counts, not only the last: that may have been signed over what was altered meanwhile.
      const mark = end?.marks.get(line.seq)
      if (mark && line.hash.toString('base64url') !== mark.hash) contradicted = mark
      // One finding says it: all that follow on an altered line are altered.
      if (contradicted && line.seq >= end!.seq) {
        contradict(contradicted)
        contradicted = null
      }
      last = { seq: line.seq, hash: line.hash }
      lastIsWhole = isWhole
    },
    close() {
      if (contradicted) contradict(contradicted)
      if (!end || !last || last.seq >= end.seq) return
      find('truncated', last.seq + 1, end.seq, `are missing at the end: ${signedBy(end, 'them')}`)
    },
  }
}

/** The number under which a line fits its hash: then it was written there, and moved. */
function truePlace(line: AuditLineRow, neighbours: AuditLineRow[]): number | null {
  const numbers = neighbours.filter(({ writer }) => writer === line.writer).map(({ seq }) => seq)
  return numbers.find((seq) => seq !== line.seq && hashOfLine({ ...line, seq }).equals(line.hash)) ?? null
}
