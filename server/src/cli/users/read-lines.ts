import { parseStrictText, UnwantedJson } from '../../domain/tokens/strict-json.ts'
import { inexactNumber, wellFormed } from '../../http/exact-values.ts'

/** A row of a file as it was written, or why it cannot be read. The line is the one where it begins, from 1. */
export type RawRow = { line: number } & ({ value: Record<string, unknown> } | { problem: RowProblem })

export type RowProblem = { code: string; detail: string }

/** In bytes: more than enough for a user with 16 KiB of metadata. */
export const longestRow = 128 * 1024

export const tooLong: RowProblem = {
  code: 'row_too_long',
  detail: `A row is at most ${longestRow / 1024} KiB; perhaps a quotation mark or a line break is missing.`,
}
export const badEncoding: RowProblem = {
  code: 'bad_encoding',
  detail: 'This row is not UTF-8: convert the file, for example by "iconv -f WINDOWS-1252 -t UTF-8".',
}

const newline = 0x0a
const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws TypeError when the bytes are not UTF-8 */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** NDJSON: one JSON object a line. */
export async function* readNdjson(source: AsyncIterable<Buffer>): AsyncGenerator<RawRow> {
  let line = 0
  for await (const bytes of linesOf(source)) {
    line++
    if (bytes === null) {
      yield { line, problem: tooLong }
      continue
    }
    const row = readLine(bytes)
    if (row !== null) yield { line, ...row }
  }
}

/** Null for a blank line. */
function readLine(bytes: Buffer): { value: Record<string, unknown> } | { problem: RowProblem } | null {
  let text: string
  try {
    text = decode(bytes)
  } catch {
    return { problem: badEncoding }
  }
  if (text.trim() === '') return null
  const read = readJson(text)
  if (read === null) return { problem: notAnObject }
  if ('problem' in read) return read
  const { value } = read
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? { value: value as Record<string, unknown> } : { problem: notAnObject }
}

const notAnObject = { code: 'not_an_object', detail: 'Each line is one JSON object, without a comma behind it.' }

/**
 * JSON whose values can be kept as they stand there: what two readers would understand differently is a problem.
 * @returns null for what is no JSON
 */
export function readJson(text: string): { value: unknown } | { problem: RowProblem } | null {
  try {
    const value = wellFormed(parseStrictText(text, Number.POSITIVE_INFINITY))
    const number = inexactNumber(text)
    if (number === null) return { value }
    const detail = `The number ${number} cannot be kept exactly: write it as a string, between quotation marks.`
    return { problem: { code: 'inexact_number', detail } }
  } catch (error) {
    // What the parser itself says quotes the row, which may hold a password hash.
    return error instanceof UnwantedJson ? { problem: problemOf(error) } : null
  }
}

function problemOf({ code, member, message }: UnwantedJson): RowProblem {
  if (code === 'name_twice') {
    const name = JSON.stringify((member ?? '').slice(0, 64))
    return { code, detail: `An object has ${name} twice: leave out the one that does not count.` }
  }
  if (code === 'half_character') {
    const detail =
      'A text holds half a character (a surrogate without the other one, such as \\ud83d): mend or remove it.'
    return { code, detail }
  }
  if (code === 'proto_name') return { code: 'unknown_field', detail: 'No field may be named "__proto__".' }
  return { code, detail: `${message}.` }
}

/** The lines of a stream; null for one that is too long, which is not kept in memory. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let pieces: Buffer[] = []
  let length = 0
  const take = () => {
    const line = length > longestRow ? null : Buffer.concat(pieces)
    pieces = []
    length = 0
    return line
  }
  const keep = (piece: Buffer) => {
    length += piece.length
    if (length <= longestRow) pieces.push(piece)
    else pieces = []
  }
  for await (const chunk of source) {
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    if (from < chunk.length) keep(chunk.subarray(from))
  }
  if (length > 0) yield take()
}
