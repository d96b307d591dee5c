import { CsvError, parse } from 'csv-parse'
import { nearest } from '../../config/nearest.ts'
import { importFields } from '../../http/import-row.ts'
import { UsageError } from '../usage-error.ts'
import { badEncoding, decode, longestRow, type RawRow, type RowProblem, readJson, tooLong } from './read-lines.ts'

/**
 * CSV as RFC 4180 has it: the first record names the columns, quoted fields may hold line breaks. Where a quotation mark
 * is out of place nobody can tell where the next row begins: reading ends there.
 * @throws UsageError when the columns are not ours
 */
export async function* readCsv(source: AsyncIterable<Buffer>): AsyncGenerator<RawRow> {
  let columns: string[] | undefined
  let line = 1
  const { push, end } = startParser()
  const rowsOf = function* (records: string[][]): Generator<RawRow> {
    for (const record of records) {
      const start = line
      line += 1 + record.reduce((sum, field) => sum + (field.match(/\r\n|\n|\r/g)?.length ?? 0), 0)
      if (record.length === 1 && record[0] === '') continue
      if (columns === undefined) columns = checkColumns(record)
      else yield { line: start, ...rowOf(columns, record) }
    }
  }
  for await (const chunk of withoutMark(source)) {
    const { records, error } = await push(chunk)
    yield* rowsOf(records)
    if (error) return yield { line, problem: problemOf(error) }
  }
  const { records, error } = await end()
  yield* rowsOf(records)
  if (error) yield { line, problem: problemOf(error) }
}

type Parsed = { records: string[][]; error: Error | null }

/** Hands out what was read before an error as well, which reading the parser as a stream would not. */
function startParser() {
  let records: string[][] = []
  const parser = parse({
    // A letter for each byte, so that what is not UTF-8 spoils its own row only; each field is decoded by itself.
    encoding: 'latin1',
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    max_record_size: longestRow,
    on_record: (record: string[]) => {
      records.push(record)
      return null
    },
  })
  const failed = new Promise<Error>((resolve) => parser.once('error', resolve))
  parser.resume()
  const outcome = async (done: Promise<null>): Promise<Parsed> => {
    const error = await Promise.race([failed, done])
    const parsed = { records, error }
    records = []
    return parsed
  }
  return {
    push: (chunk: Buffer) => outcome(new Promise((resolve) => parser.write(chunk, (error) => error || resolve(null)))),
    end: () => outcome(new Promise((resolve) => parser.once('end', () => resolve(null)).end())),
  }
}

/** Without the byte order mark that some programs write in front. */
async function* withoutMark(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of source) {
    if (head === null) {
      yield chunk
      continue
    }
    head = Buffer.concat([head, chunk])
    if (head.length < 3) continue
    yield head.indexOf(mark) === 0 ? head.subarray(3) : head
    head = null
  }
  if (head !== null) yield head
}

const mark = Buffer.from([0xef, 0xbb, 0xbf])

function checkColumns(record: string[]): string[] {
  const names = record.map((name) => Buffer.from(name, 'latin1').toString())
  const known = importFields.join(', ')
  if (names.some((name) => name.includes('\0'))) {
    throw new UsageError('The file is not UTF-8 (it may be UTF-16, as spreadsheets write "Unicode"): save it as UTF-8.')
  }
  for (const name of names) {
    if (importFields.includes(name)) continue
    const meant = nearest(name, importFields)
    const hint = meant === undefined ? `There are: ${known}.` : `Did you mean "${meant}"?`
    throw new UsageError(`The file has a column "${name.slice(0, 64)}" that is not known. ${hint}`)
  }
  if (new Set(names).size < names.length) throw new UsageError('Two columns of the file have the same name.')
  if (!names.includes('email'))
    throw new UsageError(`The first line must name the columns, "email" among them: ${known}.`)
  return names
}

function rowOf(columns: string[], record: string[]): { value: Record<string, unknown> } | { problem: RowProblem } {
  if (record.length !== columns.length) {
    const detail = `This row has ${record.length} fields, the first line names ${columns.length}.`
    return { problem: { code: 'wrong_number_of_fields', detail } }
  }
  const value: Record<string, unknown> = {}
  for (const [place, column] of columns.entries()) {
    let text: string
    try {
      text = fieldOf(record[place]!)
    } catch {
      return { problem: badEncoding }
    }
    // An empty field is one that was left out.
    if (text === '') continue
    const read = column === 'metadata' ? readJson(text) : { value: readField(column, text) }
    if (read !== null && 'problem' in read) return read
    // What is no JSON stays text, and is refused with the field's own sentence.
    value[column] = read === null ? text : read.value
  }
  return { value }
}

function fieldOf(field: string): string {
  return unguarded(decode(Buffer.from(field, 'latin1')))
}

/** What a field is in JSON; what it cannot be stays text, and is refused with the field's own sentence. */
function readField(column: string, text: string): unknown {
  if (column === 'email_verified') {
    // As databases write it.
    if (/^(true|t|1)$/i.test(text)) return true
    return /^(false|f|0)$/i.test(text) ? false : text
  }
  return column === 'roles' ? text.split(',').filter((role) => role !== '') : text
}

/**
 * A field that begins with one of these signs would be run as a formula by the spreadsheet that opens the file, so an
 * apostrophe goes in front (OWASP, "CSV injection"); reading takes it away again.
 */
export function guarded(text: string): string {
  return /^'*[=+\-@\t\r\0]/.test(text) ? `'${text}` : text
}

function unguarded(text: string): string {
  return /^'+[=+\-@\t\r\0]/.test(text) ? text.slice(1) : text
}

const nothingMore = 'From here on nothing was read: mend the file and run it again.'

function problemOf(error: unknown): RowProblem {
  const code = error instanceof CsvError ? error.code : undefined
  if (code === 'CSV_MAX_RECORD_SIZE') return { ...tooLong, detail: `${tooLong.detail} ${nothingMore}` }
  const detail =
    code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'A quotation mark opens a field and none closes it.'
      : 'A quotation mark stands where none may: quote the whole field, and write marks inside it twice.'
  return { code: 'bad_quotes', detail: `${detail} ${nothingMore}` }
}
