import assert from 'node:assert/strict'
import fs, { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type End, openJournal } from './journal.ts'

let directory: string
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'ntt-auth-journal-')), 'journal')
})
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

const noon = Date.UTC(2026, 10, 23, 12)
const day = 24 * 60 * 60 * 1000
const end = (id: string, at = noon): End => ({ kind: 'session', id, at, reason: 'logout' })
const ids = (ends: Iterable<End>) => [...ends].map(({ id }) => id)

test('what was appended is read again, newest first', () => {
  const journal = openJournal(directory, 'a')
  const ends: End[] = [end('one'), { kind: 'user', id: 'two', at: noon + 1, reason: 'deleted' }, end('three', noon + 2)]
  journal.append(ends.slice(0, 2))
  journal.append(ends.slice(2))
  assert.deepEqual([...journal.newestFirst()], ends.toReversed())
  journal.close()
})

test('a line is in the file before append returns, one JSON object each', () => {
  const journal = openJournal(directory, 'a')
  journal.append([end('one'), end('two')])
  const text = readFileSync(join(directory, 'ends-2026-11-23.a.ndjson'), 'utf8')
  assert.equal(text, `${JSON.stringify(end('one'))}\n${JSON.stringify(end('two'))}\n`)
  journal.close()
})

test('nobody else may read the journal', () => {
  const journal = openJournal(directory, 'a')
  journal.append([end('one')])
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  assert.equal(statSync(join(directory, readdirSync(directory)[0]!)).mode & 0o777, 0o600)
  journal.close()
})

test('nothing to append makes no file', () => {
  const journal = openJournal(directory, 'a')
  journal.append([])
  assert.deepEqual(readdirSync(directory), [])
  assert.deepEqual([...journal.newestFirst()], [])
  journal.close()
})

test('a line cut short by a crash is passed over, and the ones before it are not', () => {
  const journal = openJournal(directory, 'a')
  journal.append([end('one'), end('two')])
  journal.close()
  const file = join(directory, 'ends-2026-11-23.a.ndjson')
  const whole = readFileSync(file)
  const lineStart = whole.indexOf('\n') + 1
  for (let length = lineStart; length < whole.length - 1; length++) {
    writeFileSync(file, whole.subarray(0, length))
    assert.deepEqual(ids(openJournal(directory, 'b').newestFirst()), ['one'], `cut at ${length}`)
  }
})

test('lines that are no ends are passed over', () => {
  const journal = openJournal(directory, 'a')
  journal.append([end('one')])
  appendFileSync(
    join(directory, 'ends-2026-11-23.a.ndjson'),
    'null\n[]\n7\n"x"\n{"id":1,"at":2}\n{"id":"x"}\n\u0000\u0000\n\n',
  )
  assert.deepEqual(ids(journal.newestFirst()), ['one'])
  journal.close()
})

test('another day begins another file, and the days are read from the last', () => {
  const journal = openJournal(directory, 'a')
  for (const n of [0, 1, 2]) journal.append([end(`day ${n}`, noon + n * day)])
  journal.append([end('late', noon + 1)])
  assert.deepEqual(readdirSync(directory).sort(), [
    'ends-2026-11-23.a.ndjson',
    'ends-2026-11-24.a.ndjson',
    'ends-2026-11-25.a.ndjson',
  ])
  assert.deepEqual(ids(journal.newestFirst()), ['day 2', 'day 1', 'late', 'day 0'])
  journal.close()
})

test('several writers of one directory do not mix their lines, and all are read, newest first', () => {
  const [a, b] = [openJournal(directory, 'a'), openJournal(directory, 'b')]
  const order: string[] = []
  for (let n = 0; n < 6; n++) {
    const id = `end ${n}`
    const writer = n % 3 === 0 ? b : a
    writer.append([end(id, noon + n)])
    order.unshift(id)
  }
  for (const journal of [a, b, openJournal(directory, 'c')]) {
    assert.deepEqual(ids(journal.newestFirst()), order)
    journal.close()
  }
})

test('files are forgotten when their last line is old enough, and nothing else is touched', () => {
  const journal = openJournal(directory, 'a')
  for (const n of [0, 1, 2]) journal.append([end(`day ${n}`, noon + n * day)])
  writeFileSync(join(directory, 'notes.txt'), 'mine')
  const midnight = Date.UTC(2026, 10, 24)

  journal.forget(midnight - 1)
  assert.deepEqual(ids(journal.newestFirst()), ['day 2', 'day 1', 'day 0'])
  journal.forget(midnight)
  assert.deepEqual(ids(journal.newestFirst()), ['day 2', 'day 1'])
  journal.forget(noon + 1000 * day)
  assert.deepEqual(readdirSync(directory), ['notes.txt'])
  journal.close()
})

test('a journal can be closed while a flush is due, after one, and without a line', async () => {
  openJournal(directory, 'a').close()
  const journal = openJournal(directory, 'b')
  journal.append([end('one')])
  await delay(1100)
  journal.append([end('two')])
  journal.close()
  assert.deepEqual(ids(journal.newestFirst()), ['two', 'one'])
})

test('what was appended is flushed to the disk: within a second, at a new day and at the end', async () => {
  const flushed: string[] = []
  mock.method(fs, 'fdatasync', (_descriptor: number, done: () => void) => {
    flushed.push('later')
    done()
  })
  mock.method(fs, 'fdatasyncSync', () => void flushed.push('now'))
  syncBuiltinESMExports()
  try {
    const journal = openJournal(directory, 'a')
    journal.append([end('one'), end('two')])
    journal.append([end('three')])
    assert.deepEqual(flushed, [])
    await delay(1100)
    assert.deepEqual(flushed, ['later'])
    journal.append([end('four', noon + day)])
    assert.deepEqual(flushed, ['later', 'now'])
    journal.close()
    assert.deepEqual(flushed, ['later', 'now', 'now'])
  } finally {
    mock.restoreAll()
    syncBuiltinESMExports()
  }
})

test('it knows what it has written itself, since it was opened', () => {
  const journal = openJournal(directory, 'a')
  journal.append([end('one')])
  assert.ok(journal.knows(end('one')))
  assert.ok(!journal.knows({ kind: 'user', id: 'one' }))
  journal.append(Array.from({ length: 20_001 }, (_, n) => end(`many ${n}`)))
  assert.ok(!journal.knows(end('one')))
  assert.ok(journal.knows(end('many 20000')))
  journal.close()
})
