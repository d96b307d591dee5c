import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import type { App } from '../../src/app.ts'
import type { AuditLineRow } from '../../src/database/schema.ts'
import { signCheckpoint } from '../../src/domain/audit/checkpoint.ts'
import { checkpointFile } from '../../src/domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../../src/domain/audit/checkpoint-keys.ts'
import { hashOfLine } from '../../src/domain/audit/line.ts'
import { removeOldLines } from '../../src/domain/audit/retain.ts'
import { searchLines } from '../../src/domain/audit/search.ts'
import { verifyLog } from '../../src/domain/audit/verify.ts'
import { actingAs } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from '../stores/fresh-stores.ts'
import { auditedApp, day, masterKeyOf, somebodysAct } from '../support/audited.ts'
import { followClock, testClock } from '../support/clock.ts'

describeStore('the verification of the audit log', (database) => {
  const db = () => database().db
  const user = newId(1)
  let app: App
  let writer: string

  const write = async (count: number, by: App = app) => {
    for (let line = 0; line < count; line++) {
      await inAuditedTransaction(by, actingAs(somebodysAct, user), async (_tx, record) =>
        record({ event: 'login', subject: { kind: 'user', id: user }, reason: `reason ${line}` }),
      )
    }
  }
  const verdict = (copies: string[] = [], masterKeys = app.masterKeys) =>
    verifyLog(db(), { keys: checkpointKeys(masterKeys), copies, tell: () => undefined })
  /** Kind, place and what of each finding, and that it is said in a sentence. */
  const found = async (...given: Parameters<typeof verdict>) => {
    const { ok, findings } = await verdict(...given)
    assert.equal(ok, findings.length === 0)
    for (const each of findings) {
      assert.match(
        each.sentence,
        {
          lines: /^(Lines?|The whole chain) .*\.$/,
          checkpoints: /^(Checkpoints?|Line) .*\.$/,
          writers: /^The list of writers .*\.$/,
          persons: /^The secrets? of .*\.$/,
        }[each.what],
      )
      if (each.writer !== null) assert.ok(each.sentence.includes(each.writer))
    }
    return findings.map(({ kind, what, from, to }) => `${kind} ${what} ${from}-${to}`)
  }
  const lines = () => db().selectFrom('audit_lines').selectAll().orderBy('writer').orderBy('seq').execute()
  const change = (seq: number, to: Partial<AuditLineRow>) =>
    db().updateTable('audit_lines').set(to).where('writer', '=', writer).where('seq', '=', seq).execute()
  const cut = (above: number) =>
    db().deleteFrom('audit_lines').where('writer', '=', writer).where('seq', '>', above).execute()

  beforeEach(async () => {
    for (const table of ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints'] as const) {
      await db().deleteFrom(table).execute()
    }
    app = auditedApp(database())
    await write(4)
    await makeCheckpoint(app)
    await write(4)
    await makeCheckpoint(app)
    await write(1)
    writer = (await lines())[0]!.writer
  })

  it('finds nothing in a log that is what was written', async () => {
    const { findings, last_checkpoint, begins_at, ...counts } = await verdict([checkpointFile(app.config.dataDir)])
    assert.deepEqual(findings, [])
    assert.deepEqual(counts, {
      ok: true,
      lines: 9,
      chains: 1,
      checkpoints: 2,
      removed_chains: 0,
      uncovered_lines: 1,
    })
    assert.equal(last_checkpoint!.number, 2)
    assert.equal(begins_at, new Date((await lines())[0]!.at).toISOString())
  })

  it('makes no checkpoint where nothing was written since', async () => {
    assert.equal((await makeCheckpoint(app))?.number, 3)
    assert.equal(await makeCheckpoint(app), null)
  })

  it('makes one checkpoint after another, however many nodes try at once', async () => {
    const others = Array.from({ length: 4 }, () => auditedApp(database()))
    for (const other of others) await write(2, other)
    const made = await Promise.all([app, ...others].map(makeCheckpoint))
    assert.ok(made.some((row) => row?.number === 3))
    const numbers = await db().selectFrom('audit_checkpoints').select('number').orderBy('number').execute()
    assert.deepEqual(
      numbers.map(({ number }) => number),
      numbers.map((_, index) => index + 1),
    )
    const { ok, chains, uncovered_lines } = await verdict()
    assert.deepEqual([ok, chains, uncovered_lines], [true, 5, 0])
  })

  it('finds a line that was edited', async () => {
    await change(3, { reason: 'another reason' })
    assert.deepEqual(await found(), ['edited lines 3-3'])
  })

  const edits: Partial<AuditLineRow>[] = [
    { at: 1 },
    { event: 'login_failed' },
    { actor_kind: 'system' },
    { actor_id: null },
    { subject_kind: 'session' },
    { subject_id: 'x' },
    { user_id: null },
    { request_id: null },
    { details: '{"session":"x"}' },
    { user_sealed: null },
    { actor_sealed: Buffer.from('x') },
    { prev_hash: Buffer.alloc(32) },
    { hash: Buffer.alloc(32) },
  ]
  it('finds an edit of any column', async () => {
    const [line] = (await lines()).filter(({ seq }) => seq === 3)
    for (const edit of edits) {
      await change(3, edit)
      assert.deepEqual(await found(), ['edited lines 3-3'], JSON.stringify(edit))
      await change(3, line!)
    }
    assert.deepEqual(await found(), [])
  })

  it('finds a line that was edited and hashed anew, and a whole chain that was', async () => {
    const rehash = async (from: number, to: number) => {
      for (let seq = from; seq <= to; seq++) {
        const all = await lines()
        const prev_hash = all[seq - 2]!.hash
        const line = { ...all[seq - 1]!, reason: 'another reason', prev_hash }
        await change(seq, { ...line, hash: hashOfLine(line) })
      }
    }
    await rehash(3, 3)
    assert.deepEqual(await found(), ['edited lines 3-3'])
    await rehash(4, 9)
    assert.deepEqual(await found(), ['edited lines 8-8'])
  })

  it('finds a line that was deleted', async () => {
    await db().deleteFrom('audit_lines').where('writer', '=', writer).where('seq', 'in', [5, 6]).execute()
    assert.deepEqual(await found(), ['missing lines 5-6'])
    await db().deleteFrom('audit_lines').where('writer', '=', writer).where('seq', '=', 1).execute()
    assert.deepEqual(await found(), ['missing lines 1-1', 'missing lines 5-6'])
  })

  it('finds lines that changed places, and says where they were', async () => {
    await change(2, { seq: 1000 })
    await change(5, { seq: 2 })
    await change(1000, { seq: 5 })
    assert.deepEqual(await found(), ['reordered lines 2-2', 'reordered lines 5-5'])
    const { findings } = await verdict()
    assert.match(findings[0]!.sentence, /^Line 2 of writer \S+ stands where it was not written: line 2 was line 5\.$/)
  })

  it('finds a deletion that was covered up by numbering anew', async () => {
    await db().deleteFrom('audit_lines').where('writer', '=', writer).where('seq', '=', 3).execute()
    for (let seq = 4; seq <= 9; seq++) await change(seq, { seq: seq - 1 })
    const kinds = await found()
    assert.equal(kinds[0], 'reordered lines 3-7')
  })

  it('finds a chain that was cut short', async () => {
    await cut(6)
    assert.deepEqual(await found(), ['truncated lines 7-8'])
  })

  it('finds that a whole chain is gone, signed or not', async () => {
    await cut(0)
    assert.deepEqual(await found(), ['truncated lines 1-8'])
    await write(1, auditedApp(database()))
    await db().deleteFrom('audit_lines').execute()
    assert.deepEqual(await found(), ['truncated lines 1-8', 'truncated lines 1-1'])
  })

  it('finds by a copy of the checkpoints that both tables were cut short, which nothing else could show', async () => {
    const copy = checkpointFile(app.config.dataDir)
    await cut(4)
    await db().deleteFrom('audit_checkpoints').where('number', '=', 2).execute()
    assert.deepEqual(await found(), ['truncated lines 5-8'])
    await db().updateTable('audit_writers').set({ covered_seq: 4 }).execute()
    assert.deepEqual(await found(), [])
    assert.deepEqual(await found([copy]), ['truncated checkpoints 2-2', 'truncated lines 5-8'])
  })

  it('believes no checkpoint that was edited, forged, taken out or put in the place of another', async () => {
    const [first, second] = await db().selectFrom('audit_checkpoints').selectAll().orderBy('number').execute()
    const set = (number: number, to: object) =>
      db().updateTable('audit_checkpoints').set(to).where('number', '=', number).execute()
    await set(2, { body: second!.body.replace('"number":2', '"number": 2') })
    assert.deepEqual(await found(), ['edited checkpoints 2-2', 'truncated lines 5-8'])
    await set(2, second!)
    const thief = auditedApp(database(), undefined, [masterKeyOf('of a thief')])
    await db().deleteFrom('audit_checkpoints').where('number', '=', 2).execute()
    await db().updateTable('audit_writers').set({ covered_seq: 4 }).execute()
    await makeCheckpoint(thief)
    assert.deepEqual(await found(), ['unknown_key checkpoints 2-2'])
    await set(2, { ...second!, signature: Buffer.alloc(64, 1) })
    assert.equal((await found())[0], 'forged checkpoints 2-2')
    await set(2, second!)
    await db().updateTable('audit_writers').set({ covered_seq: 8 }).execute()
    await makeCheckpoint(app)
    await db().deleteFrom('audit_checkpoints').where('number', '=', 2).execute()
    assert.deepEqual(await found(), ['missing checkpoints 2-2'])
    await db().insertInto('audit_checkpoints').values(second!).execute()
    await db().deleteFrom('audit_checkpoints').where('number', '=', 1).execute()
    assert.deepEqual(await found(), ['missing checkpoints 1-1'])
    await db().insertInto('audit_checkpoints').values(first!).execute()
    assert.deepEqual(await found(), [])
  })

  it('reads a copy with a last line that a crash cut short, and complains of any other that is none', async () => {
    const copy = checkpointFile(app.config.dataDir)
    appendFileSync(copy, '{"number":3,"at"')
    assert.deepEqual(await found([copy]), [])
    appendFileSync(copy, '\n{"number":4}\n')
    assert.deepEqual(await found([copy]), ['unreadable checkpoints 3-3'])
    const [line] = readFileSync(copy, 'utf8').split('\n')
    writeFileSync(copy, `${line!.replace('"number":1', '"number":7')}\n`)
    assert.deepEqual(await found([copy]), ['edited checkpoints 7-7'])
  })

  it('goes on with a copy behind a last line that a crash cut short', async () => {
    const copy = checkpointFile(app.config.dataDir)
    appendFileSync(copy, `{"number":3,"body":"${'x'.repeat(10_000)}`)
    await makeCheckpoint(app)
    assert.deepEqual(
      readFileSync(copy, 'utf8')
        .split('\n')
        .map((line) => line && JSON.parse(line).number),
      [1, 2, 3, ''],
    )
    assert.deepEqual(await found([copy]), [])
    writeFileSync(copy, '{"number"')
    await write(1)
    await makeCheckpoint(app)
    assert.equal(JSON.parse(readFileSync(copy, 'utf8')).number, 4)
    writeFileSync(copy, '')
    assert.deepEqual(await found([copy]), [])
  })

  it('finds that a chain was taken off the list of writers, and writes and signs another', async () => {
    await makeCheckpoint(app)
    await db().deleteFrom('audit_writers').execute()
    assert.deepEqual(await found(), ['unlisted lines 1-9'])
    await write(2)
    assert.equal((await makeCheckpoint(app))?.number, 4)
    const [, other] = await db().selectFrom('audit_lines').select('writer').distinct().orderBy('writer').execute()
    assert.deepEqual(await found(), ['unlisted lines 1-9'])
    await db().deleteFrom('audit_lines').where('writer', '=', other!.writer).execute()
    assert.deepEqual((await found()).sort(), ['truncated lines 1-2', 'unlisted lines 1-9'])
  })

  it('signs and finds what was written whatever somebody sets in the list of writers', async () => {
    for (const to of [{ started_at: 0 }, { started_at: -2 }, { covered_seq: 1000 }, { removed_in: 1 }]) {
      const before = await db().selectFrom('audit_writers').selectAll().execute()
      await db().updateTable('audit_writers').set(to).execute()
      await write(2)
      assert.notEqual(await makeCheckpoint(app), null)
      for (const { writer: known, ...row } of before) {
        await db().updateTable('audit_writers').set(row).where('writer', '=', known).execute()
      }
      const newest = (
        await db().selectFrom('audit_lines').selectAll().orderBy('at').orderBy('writer').orderBy('seq').execute()
      ).at(-1)!
      const place = (query: 'writer' | 'seq') => [query, '=', newest[query]] as const
      await db()
        .deleteFrom('audit_lines')
        .where(...place('writer'))
        .where(...place('seq'))
        .execute()
      assert.deepEqual(await found(), [`truncated lines ${newest.seq}-${newest.seq}`], JSON.stringify(to))
      await db().insertInto('audit_lines').values(newest).execute()
    }
  })

  it('finds what somebody sets in the list of writers', async () => {
    const [row] = await db().selectFrom('audit_writers').selectAll().execute()
    const set = (to: Partial<NonNullable<typeof row>>) => db().updateTable('audit_writers').set(to).execute()
    for (const to of [{ started_at: row!.started_at + 1 }, { started_at: 0 }, { removed_in: 2 }]) {
      await set(to)
      assert.deepEqual(await found(), ['edited writers 0-0'], JSON.stringify(to))
      await set(row!)
    }
    assert.deepEqual(await found(), [])
  })

  it('finds that the list of writers says of any line that it was covered, which no checkpoint covers', async () => {
    await write(1, auditedApp(database()))
    const rest = (await lines()).find((line) => line.writer !== writer)!.writer
    for (const [chain, seq] of [
      [writer, 9],
      [rest, 1],
    ] as const) {
      const cover = (covered_seq: number) =>
        db().updateTable('audit_writers').set({ covered_seq }).where('writer', '=', chain).execute()
      await cover(seq)
      assert.deepEqual(await found(), [`truncated lines ${seq}-${seq}`])
      await cover(seq - 1)
      assert.deepEqual(await found(), [])
    }
  })

  it('finds that the database went back to a copy, also when it has gone on since', async () => {
    const elsewhere = auditedApp(database())
    const tables = ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints'] as const
    const former = await Promise.all(tables.map((table) => db().selectFrom(table).selectAll().execute()))
    await write(2)
    await makeCheckpoint(app)
    const copy = checkpointFile(app.config.dataDir)
    for (const [index, table] of tables.entries()) {
      await db().deleteFrom(table).execute()
      await db()
        .insertInto(table)
        .values(former[index] as never)
        .execute()
    }
    assert.deepEqual(await found(), [])
    assert.deepEqual(await found([copy]), ['truncated checkpoints 3-3', 'truncated lines 10-11'])
    for (let count = 0; count < 3; count++) {
      await write(1, elsewhere)
      await makeCheckpoint(elsewhere)
    }
    assert.deepEqual(await found(), [])
    assert.deepEqual(await found([copy]), ['edited checkpoints 3-3'])
  })

  it('finds lines that were altered and signed over, by any checkpoint that signed them before', async () => {
    const before = await db().selectFrom('audit_lines').selectAll().where('writer', '=', writer).execute()
    const elsewhere = auditedApp(database())
    /** Alters the third line, and hashes anew it and all that follow, with one more at the end. */
    const forge = async (adding: boolean) => {
      const chain = before.toSorted((one, two) => one.seq - two.seq)
      let hash = chain[1]!.hash
      for (const line of adding ? [...chain, { ...chain.at(-1)!, seq: chain.length + 1 }] : chain) {
        const forged = { ...line, prev_hash: hash, ...(line.seq === 3 && { reason: 'another reason' }) }
        hash = hashOfLine(forged)
        if (line.seq > chain.length)
          await db()
            .insertInto('audit_lines')
            .values({ ...forged, hash })
            .execute()
        else await change(line.seq, { ...(line.seq >= 3 ? { ...forged, hash } : {}), writer })
        if (line.seq < 3) hash = line.hash
      }
    }
    await forge(true)
    assert.equal((await makeCheckpoint(elsewhere))?.number, 3)
    assert.deepEqual(await found(), ['edited lines 8-8'])
    await cut(8)
    await db().deleteFrom('audit_checkpoints').where('number', '=', 3).execute()
    await forge(false)
    await db().updateTable('audit_writers').set({ covered_seq: 0 }).execute()
    assert.equal((await makeCheckpoint(auditedApp(database())))?.number, 3)
    assert.deepEqual(await found(), ['edited lines 8-8'])
  })

  it('signs what was written after a checkpoint whose clock was ahead', async () => {
    const clock = testClock()
    const set = auditedApp(database(), clock)
    clock.advance(day)
    await write(1, set)
    assert.equal((await makeCheckpoint(set))?.number, 3)
    clock.advance(-day)
    await write(1, set)
    assert.equal((await makeCheckpoint(set))?.number, 4)
    assert.equal((await verdict()).uncovered_lines, 0)
  })

  it('finds nothing where checkpoints are made while it reads', async () => {
    const tell = () => undefined
    const keys = checkpointKeys(app.masterKeys)
    const copies = [checkpointFile(app.config.dataDir)]
    let reading = true
    const writing = (async () => {
      while (reading) {
        await write(1)
        await makeCheckpoint(app)
        // SQLite answers without ever waiting: files would never be read.
        await new Promise(setImmediate)
      }
    })()
    const sentences: string[] = []
    try {
      for (let round = 0; round < 20; round++) {
        sentences.push(...(await verifyLog(db(), { keys, copies, tell })).findings.map((each) => each.sentence))
      }
    } finally {
      reading = false
      await writing
    }
    assert.deepEqual(sentences, [])
  })

  it('stays valid through an erasure, which leaves event, ids and time', async () => {
    const before = await searchLines(db(), { user }, 'oldest', 20)
    assert.equal(before[0]!.line.ip, '192.0.2.7')
    await inAuditedTransaction(app, actingAs(somebodysAct, user), async (_tx, record) =>
      record({ event: 'user_deleted', subject: { kind: 'user', id: user } }),
    )
    assert.deepEqual(await found([checkpointFile(app.config.dataDir)]), [])
    const after = await searchLines(db(), { user }, 'oldest', 20)
    assert.equal(after.length, 10)
    for (const [index, { line }] of before.entries()) {
      assert.deepEqual(after[index]!.line, { ...line, ip: null, erased: true })
    }
    const [last] = after.slice(-1)
    assert.deepEqual([last!.line.event, last!.line.ip, last!.line.erased], ['user_deleted', null, false])
    await change(3, { user_sealed: Buffer.from('something else') })
    assert.deepEqual(await found(), ['edited lines 3-3'])
  })

  const erase = (id: string) =>
    inAuditedTransaction(app, actingAs(somebodysAct, id), async (_tx, record) =>
      record({ event: 'user_deleted', subject: { kind: 'user', id } }),
    )
  const person = (id: string) => db().updateTable('audit_persons').where('user_id', '=', id)

  it('finds that the secret of a person is another, is gone, or is marked as erased without a line', async () => {
    const [row] = await db().selectFrom('audit_persons').selectAll().execute()
    await person(user)
      .set({ secret: Buffer.alloc(32, 1) })
      .execute()
    assert.deepEqual(await found(), ['edited persons 9-9'])
    assert.match(
      (await verdict()).findings[0]!.sentence,
      new RegExp(`^The secret of user ${user} does not open line 9`),
    )
    for (const erased_at of [null, 0, Date.now()]) {
      await person(user).set({ secret: null, erased_at }).execute()
      assert.deepEqual(await found(), ['erased persons 1-1'])
    }
    await db().deleteFrom('audit_persons').execute()
    assert.deepEqual(await found(), ['erased persons 1-1'])
    await db().insertInto('audit_persons').values(row!).execute()
    assert.deepEqual(await found(), [])
    // Nothing personal would ever be written about this one.
    await db()
      .insertInto('audit_persons')
      .values({ user_id: newId(2), secret: null, erased_at: 1 })
      .execute()
    assert.deepEqual(await found(), ['erased persons 0-0'])
  })

  it('finds that the secrets of two people were exchanged', async () => {
    const other = newId(2)
    await inAuditedTransaction(app, actingAs(somebodysAct, other), async (_tx, record) =>
      record({ event: 'password_reset', subject: { kind: 'user', id: user }, personal: { name: 'Ada' } }),
    )
    assert.deepEqual(await found(), [])
    const rows = await db().selectFrom('audit_persons').selectAll().execute()
    const secretOf = (id: string) => rows.find(({ user_id }) => user_id === id)!.secret
    await person(user)
      .set({ secret: secretOf(other) })
      .execute()
    await person(other)
      .set({ secret: secretOf(user) })
      .execute()
    assert.deepEqual(await found(), ['edited persons 10-10', 'edited persons 10-10'])
  })

  it('finds that an erasure was undone, or its line taken away', async () => {
    const [row] = await db().selectFrom('audit_persons').selectAll().execute()
    await erase(user)
    assert.deepEqual(await found(), [])
    await db().deleteFrom('audit_persons').execute()
    assert.deepEqual(await found(), [], 'the row goes before the line does')
    await db().insertInto('audit_persons').values(row!).execute()
    assert.deepEqual(await found(), ['edited persons 10-10'])
    await person(user).set({ secret: null, erased_at: 1 }).execute()
    await change(10, { event: 'login' })
    assert.deepEqual(await found(), ['edited lines 10-10', 'erased persons 1-1'])
    await cut(9)
    assert.deepEqual(await found(), ['erased persons 1-1'])
    await change(3, { event: 'user_deleted' })
    assert.deepEqual(await found(), ['edited lines 3-3', 'erased persons 1-1'])
  })

  it('tells of a hundred people in a sentence each, and of the rest in one', async () => {
    const persons = Array.from({ length: 103 }, (_, index) => ({ user_id: newId(index), secret: null, erased_at: 1 }))
    await db().insertInto('audit_persons').values(persons).execute()
    const { findings } = await verdict()
    assert.equal(findings.length, 101)
    assert.equal(findings.at(-1)!.sentence, 'The secrets of 3 more users are not what they were.')
  })

  it('finds nothing where people are erased while it reads', async () => {
    let reading = true
    const writing = (async () => {
      while (reading) {
        const id = newId(1)
        await inAuditedTransaction(app, actingAs(somebodysAct, id), async (_tx, record) =>
          record({ event: 'login', subject: { kind: 'user', id } }),
        )
        await erase(id)
      }
    })()
    const kinds: string[] = []
    try {
      for (let round = 0; round < 20; round++) kinds.push(...(await found()))
    } finally {
      reading = false
      await writing
    }
    assert.deepEqual(kinds, [])
  })

  it('goes on over a change of the master key, for who has only the new one', async () => {
    const changed = auditedApp(database(), undefined, [masterKeyOf('second'), masterKeyOf('first')])
    await write(1, changed)
    await makeCheckpoint(changed)
    const again = auditedApp(database(), undefined, [masterKeyOf('third'), masterKeyOf('second')])
    await write(1, again)
    await makeCheckpoint(again)
    assert.deepEqual(await found([], [masterKeyOf('third')]), [])
    // Also where only a copy has what the former keys signed.
    const [, , third, fourth] = await db().selectFrom('audit_checkpoints').selectAll().orderBy('number').execute()
    await db().deleteFrom('audit_checkpoints').where('number', '>', 2).execute()
    const copy = join(app.config.dataDir, 'all.ndjson')
    const texts = [app, changed, again].map(({ config }) => readFileSync(checkpointFile(config.dataDir), 'utf8'))
    writeFileSync(copy, texts.join(''))
    const cutOff = await found([copy], [masterKeyOf('third'), masterKeyOf('first')])
    assert.deepEqual(
      cutOff.filter((each) => each.includes('checkpoint')),
      ['truncated checkpoints 3-4'],
    )
    await db().insertInto('audit_checkpoints').values([third!, fourth!]).execute()
    assert.deepEqual(await found([], [masterKeyOf('first')]), [
      'unknown_key checkpoints 4-4',
      'unknown_key checkpoints 3-3',
    ])
    // What vouches for a key may be in the copy alone, and the checkpoint to be judged by it in the database.
    await db().deleteFrom('audit_checkpoints').where('number', '>', 2).execute()
    const both = await found([copy], [masterKeyOf('third')])
    assert.deepEqual(
      both.filter((each) => each.includes('checkpoint')),
      ['truncated checkpoints 3-4'],
    )
  })

  describe('without the former master key, for which no checkpoint vouches', () => {
    const [first, second] = [[masterKeyOf('first')], [masterKeyOf('second')]]
    const unjudged = ['unknown_key checkpoints 1-3']
    /** One that had its say under the former key only, and one that goes on under the new one. */
    let silent: string
    let changed: App
    beforeEach(async () => {
      await write(3, auditedApp(database()))
      await makeCheckpoint(app)
      silent = (await lines()).find((line) => line.writer !== writer)!.writer
      changed = auditedApp(database(), undefined, second)
      await write(1)
      await makeCheckpoint(changed)
    })
    const cutSilent = (above: number) =>
      db().deleteFrom('audit_lines').where('writer', '=', silent).where('seq', '>', above).execute()
    const cover = (seq: number) =>
      db().updateTable('audit_writers').set({ covered_seq: seq }).where('writer', '=', silent).execute()

    it('says so once for each key, and finds nothing where nothing was done', async () => {
      const copies = [app, changed].map(({ config }) => checkpointFile(config.dataDir))
      for (const given of [[], copies]) {
        assert.deepEqual(await found(given, [...second, ...first]), [])
        assert.deepEqual(await found(given, second), unjudged)
        assert.deepEqual(await found(given, first), ['unknown_key checkpoints 4-4'])
        assert.deepEqual(await found(given, [masterKeyOf('third')]), ['unknown_key checkpoints 4-4', ...unjudged])
      }
      const [finding] = (await verdict([], second)).findings
      assert.match(
        finding!.sentence,
        /^Checkpoints 1 to 3 were signed by the key \S+, .* cannot be judged\. Give the former NTT_AUTH_MASTER_KEY too;/,
      )
    })

    it('finds that lines were cut off, by what a later checkpoint follows on, or by the list of writers', async () => {
      await cutSilent(1)
      for (const keys of [second, first, [masterKeyOf('third')]]) {
        const [last] = (await found([], keys)).slice(-1)
        assert.equal(last, 'truncated lines 2-3')
      }
      await cover(1)
      assert.deepEqual(await found([], second), [...unjudged, 'truncated lines 2-3'])
      const { findings } = await verdict([], second)
      assert.match(findings[1]!.sentence, /: checkpoint 3 of \S+, whose key was not given, signed them\.$/)
      await cutSilent(0)
      assert.deepEqual(await found([], second), [...unjudged, 'truncated lines 1-3'])
      await cut(9)
      assert.deepEqual(await found([], first), [
        ...['unknown_key checkpoints 4-4', 'truncated lines 1-3', 'truncated lines 10-10'],
      ])
    })

    it('finds lines that were altered and hashed anew, by what a later checkpoint follows on', async () => {
      const chain = (await lines()).filter((line) => line.writer === silent)
      let hash: Buffer | null = null
      for (const line of chain) {
        const edited = { ...line, ...(hash ? { prev_hash: hash } : { reason: 'another reason' }) }
        hash = hashOfLine(edited)
        const update = db()
          .updateTable('audit_lines')
          .set({ ...edited, hash })
        await update.where('writer', '=', silent).where('seq', '=', line.seq).execute()
      }
      assert.deepEqual(await found([], second), [...unjudged, 'edited lines 3-3'])
    })

    it('finds that a checkpoint is gone, or another was put in its place', async () => {
      const rows = await db().selectFrom('audit_checkpoints').selectAll().orderBy('number').execute()
      const thief = signCheckpoint(checkpointKeys([masterKeyOf('of a thief')]), rows[1], {
        ...{ at: 1, heads: [], removed: [], erased: [], first: 1, kept_since: 0 },
      })
      await db().deleteFrom('audit_checkpoints').where('number', '=', 3).execute()
      assert.deepEqual(await found([], second), [
        'missing checkpoints 3-3',
        'unknown_key checkpoints 1-2',
        'truncated lines 1-3',
      ])
      await db().insertInto('audit_checkpoints').values(thief).execute()
      const kinds = await found([checkpointFile(app.config.dataDir)], second)
      assert.equal(kinds.filter((each) => each === 'edited checkpoints 3-3').length, 2, kinds.join())
    })

    it('finds by a copy that checkpoints were cut off, where one whose key is known follows on them', async () => {
      await db().deleteFrom('audit_checkpoints').where('number', '>', 2).execute()
      await cover(0)
      await cutSilent(0)
      await db().deleteFrom('audit_writers').where('writer', '=', silent).execute()
      await cut(8)
      await db().updateTable('audit_writers').set({ covered_seq: 8 }).execute()
      const all = join(app.config.dataDir, 'all.ndjson')
      const texts = [app, changed].map(({ config }) => readFileSync(checkpointFile(config.dataDir), 'utf8'))
      writeFileSync(all, texts.join(''))
      assert.deepEqual(await found([], second), ['unknown_key checkpoints 1-2'])
      const kinds = await found([all], second)
      assert.deepEqual(
        kinds.filter((each) => !each.includes('lines')),
        [...['unknown_key checkpoints 1-3', 'truncated checkpoints 3-4']],
      )
      assert.ok(kinds.includes('truncated lines 1-3'), kinds.join())
      // A copy of what nobody vouches for proves nothing.
      assert.deepEqual(await found([checkpointFile(app.config.dataDir)], second), ['unknown_key checkpoints 1-3'])
    })

    it('does not take for missing what the retention has removed under the key that was not given', async () => {
      const clock = testClock()
      clock.advance(400 * day)
      followClock(database(), clock)
      const later = auditedApp(database(), clock, second)
      await write(1, later)
      await makeCheckpoint(later)
      const { removed } = JSON.parse(
        (await db().selectFrom('audit_checkpoints').selectAll().orderBy('number', 'desc').executeTakeFirst())!.body,
      )
      assert.equal(removed.length, 2)
      const since = clock.now() - later.config.auditRetention
      // At any moment: the lines go in small batches.
      for (let gone = 1; gone > 0; gone = await removeOldLines(db(), since, 2)) {
        assert.deepEqual(await found([], [...second, ...first]), [])
        const { findings } = await verdict([], first)
        assert.deepEqual(
          findings.map(({ kind }) => kind),
          ['unknown_key'],
        )
        assert.match(findings[0]!.sentence, /, nor whether the retention has removed 2 chains\. /)
      }
    })

    it('neither believes nor stumbles over what somebody else has put there', async () => {
      const all = [...second, ...first]
      const [row] = await db().selectFrom('audit_checkpoints').selectAll().where('number', '=', 4).execute()
      const { at, signature } = row!
      const good = JSON.parse(row!.body)
      const foundWith = async (edit: { at?: number; [name: string]: unknown }) => {
        const body = JSON.stringify({ ...good, number: 5, key_id: 'x', ...edit })
        const hash = createHash('sha256').update(body).digest()
        const planted = { number: 5, at: edit.at ?? at, key_id: 'x', body, hash, signature }
        await db().insertInto('audit_checkpoints').values(planted).execute()
        const kinds = await found([], all)
        await db().deleteFrom('audit_checkpoints').where('number', '=', 5).execute()
        return kinds
      }
      const malformed = [[null], [['x']], [[1, 2, 3]], [['x', 'y', 'z']], null].map((heads) => ({ heads }))
      for (const edit of [...malformed, { at: 9e15 }, { first: 1e300 }, { erased: 1 }, { removed: null }]) {
        assert.deepEqual(await foundWith(edit), ['edited checkpoints 5-5'], JSON.stringify(edit))
      }
      const lies = [
        [silent, 1000, 'x'],
        [writer, 3, 'x'],
        [newId(3), 5, 'x'],
      ]
      assert.deepEqual(await foundWith({ heads: lies }), ['unknown_key checkpoints 5-5'])
    })
  })
})
