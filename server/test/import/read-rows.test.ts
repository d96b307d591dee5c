import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { UsageError } from '../../src/cli/usage-error.ts'
import { guarded, readCsv } from '../../src/cli/users/read-csv.ts'
import { longestRow, type RawRow, readNdjson } from '../../src/cli/users/read-lines.ts'

type Reader = (source: AsyncIterable<Buffer>) => AsyncGenerator<RawRow>

/** Whatever the pieces are in which the file arrives, the rows are the same. */
async function read(reader: Reader, text: string | Buffer) {
  const bytes = Buffer.from(text)
  const runs: string[] = []
  let rows: RawRow[] = []
  for (const size of bytes.length > 10_000 ? [4096, bytes.length] : [1, 3, 7, bytes.length]) {
    const pieces: Buffer[] = []
    for (let from = 0; from < bytes.length; from += size) pieces.push(bytes.subarray(from, from + size))
    rows = []
    for await (const row of reader(Readable.from(pieces))) rows.push(row)
    runs.push(JSON.stringify(rows))
  }
  assert.equal(new Set(runs).size, 1, 'depends on where the file is cut')
  return rows.map((row) => ('value' in row ? [row.line, row.value] : [row.line, row.problem.code]))
}

const csv = (text: string | Buffer) => read(readCsv, text)
const ndjson = (text: string | Buffer) => read(readNdjson, text)

test('CSV may begin with a byte order mark, and end its lines in any way', async () => {
  const rows = [
    [2, { email: 'a@example.com', name: 'Ada' }],
    [3, { email: 'b@example.com' }],
  ]
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['email,name', 'a@example.com,Ada', 'b@example.com,'].join(end)
    assert.deepEqual(await csv(text), rows, JSON.stringify(end))
    assert.deepEqual(await csv(`\ufeff${text}${end}`), rows, JSON.stringify(end))
  }
})

test('quoted fields hold commas, marks and line breaks, and lines are counted by the file', async () => {
  const text = 'email,metadata,roles\r\na@example.com,"{""note"":\r\n""x, y""}","b,c"\r\nb@example.com,,\r\n'
  assert.deepEqual(await csv(text), [
    [2, { email: 'a@example.com', metadata: { note: 'x, y' }, roles: ['b', 'c'] }],
    [4, { email: 'b@example.com' }],
  ])
})

test('flags are read as databases write them; what is none stays text, to be refused by name', async () => {
  const flags = ['true', 'T', '1', 'false', 'f', '0', 'yes']
  const rows = await csv(`email,email_verified\n${flags.map((flag) => `a@example.com,${flag}`).join('\n')}`)
  assert.deepEqual(
    rows.map(([, value]) => (value as Record<string, unknown>).email_verified),
    [true, true, true, false, false, false, 'yes'],
  )
  assert.deepEqual(await csv('email,metadata\na@example.com,{nonsense'), [
    [2, { email: 'a@example.com', metadata: '{nonsense' }],
  ])
})

test('a row that is not UTF-8 spoils itself only', async () => {
  const latin = Buffer.from('email,name\na@example.com,Zo\xeb\nb@example.com,', 'latin1')
  assert.deepEqual(await csv(Buffer.concat([latin, Buffer.from('Zoë\n')])), [
    [2, 'bad_encoding'],
    [3, { email: 'b@example.com', name: 'Zoë' }],
  ])
  const line = Buffer.from('{"name":"Zo\xeb"}\n', 'latin1')
  assert.deepEqual(await ndjson(Buffer.concat([line, Buffer.from('{"name":"Zoë"}')])), [
    [1, 'bad_encoding'],
    [2, { name: 'Zoë' }],
  ])
})

test('a row with too few or too many fields is named, and one with marks in the wrong place ends the reading', async () => {
  const text = 'email,name\na@example.com\n\nb@example.com,Bob,more\nc@example.com,"Cy"x\nd@example.com,Di\n'
  assert.deepEqual(await csv(text), [
    [2, 'wrong_number_of_fields'],
    [4, 'wrong_number_of_fields'],
    [5, 'bad_quotes'],
  ])
})

test('a mark that nothing closes fails where it stands, and costs no memory', async () => {
  assert.deepEqual(await csv('email,name\na@example.com,Ada\nb@example.com,"Bob\nc@example.com,Cy\n'), [
    [2, { email: 'a@example.com', name: 'Ada' }],
    [3, 'bad_quotes'],
  ])
  const endless = `email,name\na@example.com,"${'x,y\n'.repeat(longestRow)}`
  assert.deepEqual(await csv(endless), [[2, 'row_too_long']])
})

test('columns that are not ours are refused before anything is read, with the one that was meant', async () => {
  for (const [header, sentence] of [
    ['email,pasword_hash', /"pasword_hash".*Did you mean "password_hash"/],
    ['email,shoe size', /"shoe size".*There are: id, email/],
    ['email,name,email', /the same name/],
    ['name', /"email" among them/],
    ['a@example.com,Ada', /"a@example\.com"/],
  ] as const) {
    await assert.rejects(
      () => csv(`${header}\na@example.com,Ada\n`),
      (error: Error) => error instanceof UsageError && sentence.test(error.message),
      header,
    )
  }
})

test('an empty file has no rows', async () => {
  for (const text of ['', '\n\n', '\ufeff']) {
    assert.deepEqual(await csv(text), [])
    assert.deepEqual(await ndjson(text), [])
  }
})

test('NDJSON is one object a line; blank lines count and do not matter', async () => {
  const text = '\ufeff{"email":"a@example.com"}\r\n\r\n[1]\n"text"\nnull\n{"email":\n{"email":"b@example.com"}'
  assert.deepEqual(await ndjson(text), [
    [1, { email: 'a@example.com' }],
    [3, 'not_an_object'],
    [4, 'not_an_object'],
    [5, 'not_an_object'],
    [6, 'not_an_object'],
    [7, { email: 'b@example.com' }],
  ])
})

test('what could not be kept as it stands there is refused, row by row, in NDJSON and in the metadata of CSV', async () => {
  const wrong = {
    name_twice: ['{"a":1,"a":1}', '{"a":{"b":1,"\\u0062":2}}'],
    half_character: ['{"a":"\\ud83d"}', '{"a":["x","\\udc00\\ud800"]}', '{"\\ud83d":1}'],
    inexact_number: [
      '{"a":12345678901234567890}',
      '{"a":0.12345678901234567891}',
      '{"a":1e999}',
      '{"a":[9007199254740993]}',
    ],
    unknown_field: ['{"__proto__":{"roles":["admin"]}}', '{"a":{"__proto__":1}}'],
  }
  const good = '{"a":"12345678901234567890","b":[0.1,1e3,-0,9007199254740991],"c":"\\ud83d\\ude00","d":{"a":1}}'
  const kept = JSON.parse(good)
  for (const [code, texts] of Object.entries(wrong)) {
    for (const text of texts) {
      assert.deepEqual(
        await ndjson(`${text}\n${good}`),
        [
          [1, code],
          [2, kept],
        ],
        text,
      )
      const quoted = [text, good].map((each) => `a@example.com,"${each.replaceAll('"', '""')}"`)
      const rows = await csv(`email,metadata\n${quoted.join('\n')}`)
      assert.deepEqual(
        rows,
        [
          [2, code],
          [3, { email: 'a@example.com', metadata: kept }],
        ],
        text,
      )
    }
  }
})

test('a row that was refused is told why, without a word of a hash', async () => {
  const told = async (line: string) => {
    const rows: RawRow[] = []
    for await (const row of readNdjson(Readable.from([Buffer.from(line)]))) rows.push(row)
    return rows.map((row) => ('problem' in row ? row.problem.detail : '')).join()
  }
  const hash = '"password_hash":"$2b$10$secretsecretsecret"'
  const twice = await told(`{"email":"a@example.com",${hash},"email":"b@example.com"}`)
  assert.match(twice, /has "email" twice: leave out/)
  const large = await told(`{${hash},"metadata":{"id":12345678901234567890}}`)
  assert.match(large, /The number 12345678901234567890 .* string/)
  for (const line of [`{${hash},${hash}}`, `{${hash},"name":"\\ud83d"}`, `{${hash},"x":1e999}`, `{${hash}`]) {
    assert.doesNotMatch(await told(line), /secret/, line)
  }
})

test('a line that is too long is skipped and not kept', async () => {
  const long = JSON.stringify({ name: 'x'.repeat(longestRow) })
  assert.deepEqual(await ndjson(`${long}\n{"a":1}\n${long}`), [
    [1, 'row_too_long'],
    [2, { a: 1 }],
    [3, 'row_too_long'],
  ])
  assert.equal((await ndjson(`{"a":"${'x'.repeat(longestRow - 8)}"}`))[0]![1] === 'row_too_long', false)
})

test('no field is a formula to a spreadsheet, and each comes back as it was', async () => {
  for (const text of ['=1+1', '+1', '-1', '@x', '\tx', "'=1", "''=1", 'plain', "'quoted'", "O'Hara"]) {
    assert.doesNotMatch(guarded(text), /^[=+\-@\t\r\0]/)
    assert.deepEqual(await csv(`email,name\na@example.com,${guarded(text)}`), [
      [2, { email: 'a@example.com', name: text }],
    ])
  }
})
