import assert from 'node:assert/strict'
import { beforeEach, it } from 'node:test'
import * as audit from '../../src/domain/audit/store.ts'
import { newId, randomBytes } from '../../src/random.ts'
import { auditLineRow } from '../support/rows.ts'
import { describeStore, failure } from './fresh-stores.ts'

const tables = ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints'] as const

describeStore('the audit store', (database) => {
  const db = () => database().db
  const plain = <T extends object>(rows: T[]): T[] => rows.map((row) => ({ ...row }))
  const isDuplicate = async (promise: Promise<unknown>) => database().dialect.isDuplicate(await failure(promise))

  beforeEach(async () => {
    for (const table of tables) await db().deleteFrom(table).execute()
  })

  /** Ids that sort by their number. */
  const idOf = (number: number) => `0192${String(number).padStart(4, '0')}-0000-7000-8000-000000000000`
  const writerRow = (number: number, changes: Partial<audit.AuditWriterRow> = {}): audit.AuditWriterRow => ({
    writer: idOf(number),
    started_at: number,
    covered_seq: 0,
    removed_in: null,
    ...changes,
  })
  const writeWriters = async (...rows: audit.AuditWriterRow[]) => {
    for (const row of rows) await audit.insertWriter(db(), row)
  }
  const line = (writer: number, seq: number, changes: Partial<audit.AuditLineRow> = {}) =>
    auditLineRow({ writer: idOf(writer), seq, at: seq, ...changes })
  const writersOf = (rows: { writer: string }[]) => rows.map(({ writer }) => Number(writer.slice(4, 8)))
  const placesOf = (rows: { writer: string; seq: number }[]) =>
    rows.map(({ writer, seq }) => `${Number(writer.slice(4, 8))}/${seq}`)

  it('reads a line as it was written, to the last byte, and refuses its place to another', async () => {
    const full = line(1, 9_007_199_254_740_991, {
      at: 253_402_300_799_999,
      event: 'e'.repeat(48),
      actor_kind: 'k'.repeat(16),
      actor_id: 'a'.repeat(64),
      subject_kind: 's'.repeat(16),
      subject_id: 'S'.repeat(64),
      user_id: newId(1),
      reason: 'r'.repeat(64),
      request_id: 'q'.repeat(64),
      details: JSON.stringify({ 'what “it” says 🦊': `\\ ' " ${'字'.repeat(30_000)}` }),
      actor_sealed: randomBytes(4096),
      user_sealed: Buffer.from([0, 0x7f, 0x80, 0xff, 0x20, 0]),
      prev_hash: randomBytes(32),
      hash: Buffer.concat([randomBytes(31), Buffer.from([0x20])]),
    })
    const empty = line(2, 1)
    await audit.insertLines(db(), [full, empty])
    assert.deepEqual(plain(await audit.listLinesBehind(db(), { writer: '', seq: 0 }, 10)), [full, empty])
    assert.equal(await isDuplicate(audit.insertLines(db(), [line(2, 1, { event: 'logout' })])), true)
  })

  it('takes more lines at once than a statement may have parameters, and none', async () => {
    await audit.insertLines(
      db(),
      Array.from({ length: 1001 }, (_, index) => line(1, index + 1)),
    )
    await audit.insertLines(db(), [])
    const { seq } = (await audit.findHead(db(), idOf(1)))!
    assert.equal(seq, 1001)
    assert.equal((await audit.listSeqs(db(), idOf(1), 2000)).length, 1001)
  })

  it('reads chain after chain from behind a line, in order, page by page', async () => {
    await audit.insertLines(db(), [line(2, 1), line(1, 10), line(1, 2), line(3, 1), line(1, 1)])
    const pages: string[][] = []
    for (let behind = { writer: '', seq: 0 }; ; ) {
      const rows = await audit.listLinesBehind(db(), behind, 2)
      pages.push(placesOf(rows))
      if (rows.length < 2) break
      behind = rows.at(-1)!
    }
    assert.deepEqual(pages, [['1/1', '1/2'], ['1/10', '2/1'], ['3/1']])
  })

  it('knows the last line of a chain by its number, and none of one that is not there', async () => {
    const last = line(1, 10, { at: 5, hash: randomBytes(32) })
    await audit.insertLines(db(), [line(1, 9, { at: 99 }), last, line(2, 11)])
    const { writer, seq, at, hash } = last
    assert.deepEqual({ ...(await audit.findHead(db(), idOf(1))) }, { writer, seq, at, hash })
    assert.equal(await audit.findHead(db(), idOf(3)), undefined)
  })

  it('lists writers in order from behind one, and each once', async () => {
    const rows = [writerRow(1, { covered_seq: 9_007_199_254_740_991 }), writerRow(2, { removed_in: 7 }), writerRow(3)]
    await writeWriters(...rows.toReversed())
    assert.deepEqual(plain(await audit.listWriters(db(), 10)), rows)
    assert.deepEqual(writersOf(await audit.listWriters(db(), 1, idOf(1))), [2])
    assert.deepEqual({ ...(await audit.findWriter(db(), idOf(2))) }, rows[1])
    assert.equal(await audit.findWriter(db(), idOf(4)), undefined)
    assert.equal(await isDuplicate(audit.insertWriter(db(), writerRow(1))), true)
  })

  it('lists as grown who has a line beyond what is covered, whatever its time says', async () => {
    await writeWriters(
      writerRow(1, { covered_seq: 2 }),
      writerRow(2, { covered_seq: 1, started_at: 1e12 }),
      writerRow(3),
      writerRow(4, { covered_seq: 0 }),
      writerRow(5, { covered_seq: 9 }),
    )
    await audit.insertLines(db(), [line(1, 2), line(2, 2, { at: -5 }), line(4, 1), line(5, 8), line(6, 1)])
    assert.deepEqual(writersOf(await audit.listGrownWriters(db(), 10)), [2, 4])
    assert.deepEqual(writersOf(await audit.listGrownWriters(db(), 1)), [2])
    assert.deepEqual(writersOf(await audit.listGrownWriters(db(), 10, idOf(2))), [4])
  })

  it('covers a chain forwards, and never back', async () => {
    await writeWriters(writerRow(1), writerRow(2))
    const covered = async () => (await audit.listWriters(db(), 10)).map(({ covered_seq }) => covered_seq)
    for (const [seq, after] of [
      [5, 5],
      [3, 5],
      [5, 5],
      [6, 6],
    ] as const) {
      await audit.coverLines(db(), idOf(1), seq)
      assert.deepEqual(await covered(), [after, 0])
    }
  })

  it('lists who is old enough to go and has not been named yet, oldest first, and then who has', async () => {
    await writeWriters(
      writerRow(1, { started_at: 20 }),
      writerRow(2, { started_at: 10 }),
      writerRow(3, { started_at: 30 }),
      writerRow(4, { started_at: 5, removed_in: 2 }),
      writerRow(5, { started_at: 10 }),
    )
    assert.deepEqual(writersOf(await audit.listWritersBefore(db(), 30, 10)), [2, 5, 1])
    assert.deepEqual(writersOf(await audit.listWritersBefore(db(), 31, 1)), [2])
    await audit.setRemovedIn(db(), [idOf(2), idOf(3)], 1)
    assert.deepEqual(writersOf(await audit.listWritersBefore(db(), 31, 10)), [5, 1])
    assert.deepEqual(writersOf(await audit.listWritersToRemove(db(), 10)), [2, 3, 4])
    assert.deepEqual(writersOf(await audit.listWritersToRemove(db(), 1)), [2])
    await audit.deleteWriter(db(), idOf(2))
    assert.deepEqual(writersOf(await audit.listWriters(db(), 10)), [1, 3, 4, 5])
  })

  it('deletes the beginning of a chain, and nothing of another', async () => {
    await audit.insertLines(db(), [line(1, 1), line(1, 2), line(1, 3), line(2, 1)])
    assert.deepEqual(await audit.listSeqs(db(), idOf(1), 2), [1, 2])
    assert.equal(await audit.deleteLinesUpTo(db(), idOf(1), 2), 2)
    assert.deepEqual(placesOf(await audit.listLinesBehind(db(), { writer: '', seq: 0 }, 10)), ['1/3', '2/1'])
    assert.equal(await audit.deleteLinesUpTo(db(), idOf(1), 2), 0)
  })

  it('keeps the secret of a person, gives it to nobody else, and takes it away for ever', async () => {
    const [ada, bob] = ['0192aaaa', 'Bob'].map((user_id) => ({ user_id, secret: randomBytes(32), erased_at: null }))
    await audit.insertPersons(db(), [ada!, bob!])
    await audit.insertPersons(db(), [])
    assert.deepEqual(plain(await audit.listPersons(db(), ['Bob', 'bob', 'nobody'])), [bob])
    assert.deepEqual(await audit.listPersons(db(), []), [])
    assert.equal(await isDuplicate(audit.insertPersons(db(), [{ ...ada!, secret: randomBytes(32) }])), true)
    assert.deepEqual(plain(await audit.listPersons(db(), [ada!.user_id])), [ada])
    assert.equal(await audit.erasePersonRow(db(), ada!.user_id, 77), true)
    assert.equal(await audit.erasePersonRow(db(), 'nobody', 77), false)
    assert.deepEqual(plain(await audit.listPersons(db(), [ada!.user_id])), [{ ...ada, secret: null, erased_at: 77 }])
    assert.deepEqual(plain(await audit.listPersons(db(), ['Bob'])), [bob])
  })

  it('lists who was erased, in order, and forgets only who was long ago', async () => {
    const person = (user_id: string, erased_at: number | null) => ({
      user_id,
      secret: erased_at === null ? randomBytes(32) : null,
      erased_at,
    })
    await audit.insertPersons(db(), [person('d', 30), person('b', 10), person('a', null), person('c', 20)])
    assert.deepEqual(await audit.listErasedPersons(db(), 10), ['b', 'c', 'd'])
    assert.deepEqual(await audit.listErasedPersons(db(), 1, 'b'), ['c'])
    assert.equal(await audit.deleteErasedPersons(db(), 30, 1), 1)
    assert.deepEqual(await audit.listErasedPersons(db(), 10), ['c', 'd'])
    assert.equal(await audit.deleteErasedPersons(db(), 30, 10), 1)
    assert.equal(await audit.deleteErasedPersons(db(), 30, 10), 0)
    assert.deepEqual((await audit.listPersons(db(), ['a', 'd'])).length, 2)
  })

  it('finds the lines that tell of an erasure, of these people and in these chains only', async () => {
    const erased = { event: 'user_deleted' }
    await audit.insertLines(db(), [
      line(1, 1, { ...erased, user_id: 'ada' }),
      line(1, 2, { user_id: 'ada' }),
      line(1, 3, { ...erased, user_id: null }),
      line(2, 4, { ...erased, user_id: 'bob' }),
      line(3, 5, { ...erased, user_id: 'eve' }),
    ])
    assert.deepEqual(placesOf(await audit.listErasures(db(), ['ada', 'eve'], ['user_deleted'])).sort(), ['1/1', '3/5'])
    const among = (until: number) => audit.listErasedIn(db(), [idOf(1), idOf(2)], ['user_deleted'], until)
    assert.deepEqual((await among(10)).sort(), ['ada', 'bob'])
    assert.deepEqual(await among(4), ['ada'])
  })

  it('keeps each checkpoint to the last byte, gives a number once, and lists them newest first', async () => {
    const checkpoint = (number: number): audit.AuditCheckpointRow => ({
      number,
      at: number * 10,
      key_id: randomBytes(12).toString('base64url'),
      body: JSON.stringify({ number, heads: [['“x”', number, ' '.repeat(70_000)]] }),
      hash: randomBytes(32),
      signature: randomBytes(64),
    })
    assert.equal(await audit.findLastCheckpoint(db()), undefined)
    const rows = [1, 2, 3, 10].map(checkpoint)
    for (const row of [rows[3]!, rows[0]!, rows[2]!, rows[1]!]) await audit.insertCheckpoint(db(), row)
    assert.equal(await isDuplicate(audit.insertCheckpoint(db(), checkpoint(3))), true)
    assert.deepEqual({ ...(await audit.findLastCheckpoint(db())) }, rows[3])
    assert.deepEqual(plain(await audit.listCheckpointsBelow(db(), 10, 2)), [rows[2], rows[1]])
    assert.deepEqual(plain(await audit.listCheckpointsBehind(db(), 1, 2)), [rows[1], rows[2]])
    await audit.insertCheckpoint(db(), { ...checkpoint(11), key_id: rows[1]!.key_id })
    assert.deepEqual(
      (await audit.listCheckpointSigners(db())).sort((a, b) => a.first - b.first),
      rows.map(({ key_id, number }) => ({ key_id, first: number })),
    )
    await db().deleteFrom('audit_checkpoints').where('number', '=', 11).execute()
    assert.equal(await audit.deleteCheckpointsBelow(db(), 3, 1), 1)
    assert.equal(await audit.deleteCheckpointsBelow(db(), 3, 10), 1)
    assert.equal(await audit.deleteCheckpointsBelow(db(), 3, 10), 0)
    assert.deepEqual(
      (await audit.listCheckpointsBelow(db(), 1000, 10)).map(({ number }) => number),
      [10, 3],
    )
  })

  it('searches by every filter alone and by all together', async () => {
    const rows = [
      line(1, 1, { user_id: 'ada', actor_id: 'eve', event: 'login', subject_id: 'x' }),
      line(1, 2, { user_id: 'Ada', actor_id: 'Eve', event: 'logout', subject_id: 'X' }),
      line(2, 3, { user_id: 'ada', actor_id: 'eve', event: 'logout', subject_id: 'x' }),
    ]
    await audit.insertLines(db(), rows)
    const found = async (filter: audit.AuditFilter) => placesOf(await audit.listLines(db(), filter, 'oldest', 10))
    assert.deepEqual(await found({}), ['1/1', '1/2', '2/3'])
    assert.deepEqual(await found({ user: 'ada' }), ['1/1', '2/3'])
    assert.deepEqual(await found({ actor: 'Eve' }), ['1/2'])
    assert.deepEqual(await found({ subject: 'x' }), ['1/1', '2/3'])
    assert.deepEqual(await found({ event: 'logout' }), ['1/2', '2/3'])
    assert.deepEqual(await found({ since: 2 }), ['1/2', '2/3'])
    assert.deepEqual(await found({ until: 2 }), ['1/1'])
    const all = { user: 'ada', actor: 'eve', subject: 'x', event: 'logout', since: 3, until: 4 }
    assert.deepEqual(await found(all), ['2/3'])
    assert.deepEqual(await found({ ...all, until: 3 }), [])
  })

  it('pages through lines of the same moment in both directions, each line once', async () => {
    const all: string[] = []
    for (const at of [1, 2, 3]) {
      for (const writer of [1, 2]) {
        const lines = [1, 2, 3].map((seq) => line(writer, at * 10 + seq, { at }))
        await audit.insertLines(db(), lines)
        all.push(...placesOf(lines))
      }
    }
    for (const order of ['oldest', 'newest'] as const) {
      const seen: string[] = []
      for (let from: audit.AuditPlace | undefined; ; ) {
        const rows = await audit.listLines(db(), {}, order, 2, from)
        seen.push(...placesOf(rows))
        if (rows.length < 2) break
        from = rows.at(-1)
      }
      assert.deepEqual(seen, order === 'oldest' ? all : all.toReversed())
    }
  })
})
