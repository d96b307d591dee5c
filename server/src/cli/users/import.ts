import { createReadStream, statSync } from 'node:fs'
import { extname } from 'node:path'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import { type ImportRow, type ImportRun, importUsers, type Outcome } from '../../flows/import-users.ts'
import { readImportRow } from '../../http/import-row.ts'
import { newId } from '../../random.ts'
import type { Invocation } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { refuseUnreadable } from '../readable-file.ts'
import { UsageError } from '../usage-error.ts'
import { readCsv } from './read-csv.ts'
import { type RawRow, readNdjson } from './read-lines.ts'
import { openReport } from './report.ts'

// Large enough that a commit costs little for each user, small enough that a server beside it hardly waits.
const portion = 250
const mostComplaints = 20
const tellEvery = 2000

/** Reads users from a file, portion by portion. @returns the exit code */
export async function importFile(app: App, invocation: Invocation, path: string): Promise<number> {
  const { options, print, tell } = invocation
  const format = formatOf(path, options.format)
  const run: ImportRun = {
    id: newId(app.clock.now()),
    startedAt: app.clock.now(),
    isDryRun: options['dry-run'] === true,
    onConflict: conflictOf(options['on-conflict']),
  }
  const { source, progress } = openSource(invocation, path)
  const report = typeof options.report === 'string' ? await openReport(options.report, path) : null
  const tally = startTally(invocation, progress)
  try {
    for await (const rows of portions(format === 'csv' ? readCsv(source) : readNdjson(source))) {
      const outcomes = await importPortion(app, run, rows)
      await report?.write(outcomes)
      tally.add(outcomes)
    }
  } finally {
    await report?.close()
  }
  const { created, skipped, failed } = tally.counts
  const summary = { run: run.id, dry_run: run.isDryRun, rows: created + skipped + failed, created, skipped, failed }
  if (options.json) print(JSON.stringify(summary, null, 2))
  else
    print(
      `${summary.rows} rows: ${created} ${run.isDryRun ? 'would be ' : ''}created, ${skipped} skipped, ${failed} failed.`,
    )
  if (failed > 0)
    tell(report ? `The report says why: ${options.report}` : 'Use --report FILE to have it said of every row.')
  return failed > 0 ? exitCodes.failed : exitCodes.ok
}

/** Rows that cannot be read or break a rule have failed; the others are judged and made together. */
async function importPortion(app: App, run: ImportRun, raw: RawRow[]): Promise<Outcome[]> {
  const now = app.clock.now()
  const judged = raw.map((row) => judge(row, now))
  const sound = judged.filter((row): row is ImportRow => 'user' in row)
  const made = new Map((await importUsers(app, run, sound)).map((outcome) => [outcome.line, outcome]))
  return judged.map((row) => ('user' in row ? made.get(row.line)! : row))
}

function judge(row: RawRow, now: number): ImportRow | Outcome {
  const { line } = row
  if ('problem' in row) return { line, email: null, outcome: 'failed', ...row.problem }
  const email = typeof row.value.email === 'string' ? row.value.email.slice(0, 320) : null
  try {
    return { line, ...readImportRow(row.value, now) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const [first] = error.details.errors ?? []
    return {
      line,
      email,
      outcome: 'failed',
      code: first?.code ?? error.code,
      detail: error.details.detail ?? error.code,
    }
  }
}

async function* portions(rows: AsyncIterable<RawRow>): AsyncGenerator<RawRow[]> {
  let held: RawRow[] = []
  for await (const row of rows) {
    held.push(row)
    if (held.length < portion) continue
    yield held
    held = []
  }
  if (held.length > 0) yield held
}

function openSource({ stdin }: Invocation, path: string) {
  if (path === '-') return { source: stdin as AsyncIterable<Buffer>, progress: () => '' }
  refuseUnreadable(path)
  const size = statSync(path)
  const stream = createReadStream(path, { highWaterMark: 256 * 1024 })
  // A pipe, as of `<(psql …)`, does not tell how much is to come, and a file may grow.
  const part = () => Math.min(100, Math.floor((100 * stream.bytesRead) / Math.max(size.size, 1)))
  const progress = () => (size.isFile() ? ` (${part()} %)` : '')
  return { source: stream as AsyncIterable<Buffer>, progress }
}

function startTally({ tell }: Invocation, progress: () => string) {
  const counts = { created: 0, skipped: 0, failed: 0 }
  let [told, complaints] = [performance.now(), 0]
  return {
    counts,
    add(outcomes: Outcome[]) {
      for (const each of outcomes) {
        counts[each.outcome]++
        if (each.outcome === 'failed' && ++complaints <= mostComplaints) tell(`line ${each.line}: ${each.detail}`)
        if (complaints === mostComplaints + 1 && each.outcome === 'failed')
          tell('Further rows that failed are not shown.')
      }
      if (performance.now() - told < tellEvery) return
      told = performance.now()
      const { created, skipped, failed } = counts
      tell(`${created} created, ${skipped} skipped, ${failed} failed so far${progress()}`)
    },
  }
}

export function formatOf(path: string, given: unknown): 'ndjson' | 'csv' {
  if (given === 'ndjson' || given === 'csv') return given
  if (given !== undefined) throw new UsageError('--format is ndjson or csv.')
  const ending = extname(path).toLowerCase()
  if (ending === '.csv') return 'csv'
  if (ending === '.ndjson' || ending === '.jsonl') return 'ndjson'
  throw new UsageError('Say how the rows are written: --format ndjson, or --format csv.')
}

function conflictOf(given: unknown): 'skip' | 'fail' {
  if (given === undefined || given === 'skip') return 'skip'
  if (given === 'fail') return 'fail'
  throw new UsageError('--on-conflict is skip or fail.')
}
