import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { beforeEach, it } from 'node:test'
import type { App } from '../../src/app.ts'
import { checkpointInTurn } from '../../src/chores/checkpoint-audit.ts'
import { releaseLease, takeLease } from '../../src/database/lease.ts'
import { checkpointFile } from '../../src/domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../../src/domain/audit/checkpoint-keys.ts'
import { hashOfLine } from '../../src/domain/audit/line.ts'
import { removeOldLines } from '../../src/domain/audit/retain.ts'
import { verifyLog } from '../../src/domain/audit/verify.ts'
import { actingAs } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { copyCheckpoints } from '../../src/flows/copy-checkpoints.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from '../stores/fresh-stores.ts'
import { auditedApp, day, somebodysAct } from '../support/audited.ts'
import { followClock, type TestClock, testClock } from '../support/clock.ts'

describeStore('the retention of the audit log', (database) => {
  const db = () => database().db
  let app: App
  let clock: TestClock
  const write = async (event: 'login' | 'user_deleted' = 'login', id = newId(1)) =>
    inAuditedTransaction(app, actingAs(somebodysAct, id), async (_tx, record) =>
      record({ event, subject: { kind: 'user', id } }),
    )
  const lines = () => db().selectFrom('audit_lines').selectAll().orderBy('writer').orderBy('seq').execute()
  const keptSince = () => clock.now() - app.config.auditRetention
  const remove = async (limit?: number) => {
    let sum = 0
    for (let count = 1; count > 0; sum += count) count = await removeOldLines(db(), keptSince(), limit)
    return sum
  }
  const verdict = () => {
    const copies = [checkpointFile(app.config.dataDir)]
    return verifyLog(db(), { keys: checkpointKeys(app.masterKeys), copies, tell: () => undefined })
  }
  const problems = async () => (await verdict()).findings.map(({ sentence }) => sentence)

  beforeEach(async () => {
    for (const table of ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints'] as const) {
      await db().deleteFrom(table).execute()
    }
    clock = testClock()
    app = auditedApp(database(), clock)
    followClock(database(), clock)
  })

  it('removes chains whose every line is older, and the log that is left verifies and says where it begins', async () => {
    for (let count = 0; count < 3; count++) await write()
    await makeCheckpoint(app)
    clock.advance(364 * day)
    await write()
    await makeCheckpoint(app)
    assert.equal(await remove(), 0)
    clock.advance(2 * day)
    await makeCheckpoint(app)
    await remove()
    const left = await lines()
    assert.equal(left.length, 1)
    const { ok, begins_at, removed_chains, chains } = await verdict()
    assert.deepEqual([ok, removed_chains, chains], [true, 1, 1])
    assert.equal(begins_at, new Date(left[0]!.at).toISOString())
    assert.equal((await db().selectFrom('audit_writers').selectAll().execute()).length, 1)
  })

  it('is kept by the chore that makes checkpoints, by one node at a time', async () => {
    for (let count = 0; count < 450; count++) await write()
    assert.equal(await checkpointInTurn(app), true)
    clock.advance(366 * day)
    await write()
    const lease = await takeLease(database(), {
      name: 'audit-checkpoint',
      owner: 'x',
      now: clock.now(),
      duration: 1000,
    })
    assert.equal(await checkpointInTurn(app), false)
    assert.equal((await lines()).length, 451)
    await releaseLease(database(), lease!)
    assert.equal(await checkpointInTurn(app), true)
    assert.equal((await lines()).length, 1)
    assert.deepEqual(await problems(), [])
  })

  it('keeps what only the clock of this node takes for old', async () => {
    if (database().dialect.name === 'sqlite') return
    await write()
    assert.equal(await checkpointInTurn(app), true)
    followClock(database(), testClock())
    clock.advance(400 * day)
    await write()
    assert.equal(await checkpointInTurn(app), true)
    assert.equal((await lines()).length, 2)
    followClock(database(), clock)
    assert.equal(await checkpointInTurn(app), true)
    assert.equal((await lines()).length, 1)
  })

  it('removes nothing before a checkpoint has said so, and verifies between any two batches', async () => {
    for (let count = 0; count < 7; count++) await write()
    await makeCheckpoint(app)
    clock.advance(366 * day)
    await write()
    assert.equal(await removeOldLines(db(), keptSince()), 0)
    await makeCheckpoint(app)
    assert.equal(await removeOldLines(db(), keptSince(), 3), 3)
    assert.deepEqual(await problems(), [])
    assert.deepEqual(
      (await lines()).slice(0, 4).map(({ seq }) => seq),
      [4, 5, 6, 7],
    )
    assert.equal(await removeOldLines(db(), keptSince(), 3), 3)
    assert.deepEqual(await problems(), [])
    await remove(3)
    assert.deepEqual(await problems(), [])
    assert.equal((await lines()).length, 1)
  })

  it('is no excuse for what it did not remove', async () => {
    await write()
    await write()
    await makeCheckpoint(app)
    clock.advance(364 * day)
    await write()
    await write()
    await makeCheckpoint(app)
    clock.advance(2 * day)
    await makeCheckpoint(app)
    const [old] = await lines()
    await db()
      .updateTable('audit_lines')
      .set({ reason: 'x' })
      .where('writer', '=', old!.writer)
      .where('seq', '=', 2)
      .execute()
    assert.match((await problems())[0]!, /^Line 2 of writer \S+ was edited/)
    await remove()
    const [first] = await lines()
    assert.deepEqual(await problems(), [])
    await db().deleteFrom('audit_lines').where('writer', '=', first!.writer).execute()
    assert.match((await problems())[0]!, /^The whole chain of writer \S+ is missing/)
  })

  it('knows of an erasure whose line is gone while lines of before it are still there', async () => {
    const other = auditedApp(database(), clock)
    const id = newId(1)
    const by = (node: App, event: 'login' | 'user_deleted') =>
      inAuditedTransaction(node, actingAs(somebodysAct, id), async (_tx, record) =>
        record({ event, subject: { kind: 'user', id } }),
      )
    await by(app, 'login')
    clock.advance(60_000)
    await by(other, 'user_deleted')
    clock.advance(10 * 3_600_000)
    await by(app, 'login')
    await makeCheckpoint(app)
    assert.deepEqual(await problems(), [])
    clock.advance(365 * day - 5 * 3_600_000)
    await makeCheckpoint(app)
    await remove()
    assert.deepEqual(
      (await lines()).map(({ event }) => event),
      ['login', 'login'],
    )
    assert.deepEqual(await problems(), [])
    assert.ok(!JSON.stringify(await db().selectFrom('audit_checkpoints').selectAll().execute()).includes(id))
    await db().updateTable('audit_persons').set({ erased_at: 1 }).execute()
    assert.deepEqual(await problems(), [])
    clock.advance(3 * day)
    await makeCheckpoint(app)
    await remove()
    assert.deepEqual([await lines(), await problems()], [[], []])
  })

  it('explains what it took also after it was made longer, and to the copy of a node that was away', async () => {
    const away = auditedApp(database(), clock)
    const copies = { whole: checkpointFile(app.config.dataDir), away: checkpointFile(away.config.dataDir) }
    Object.assign(app.config, { auditRetention: 30 * day })
    for (let turn = 0; turn < 9; turn++) {
      await write()
      await makeCheckpoint(app)
      await remove()
      if (turn === 1) await copyCheckpoints(away, async () => undefined)
      clock.advance(10 * day)
    }
    Object.assign(app.config, { auditRetention: 365 * day })
    await write()
    await makeCheckpoint(app)
    const { number } = (await db()
      .selectFrom('audit_checkpoints')
      .select('number')
      .orderBy('number')
      .executeTakeFirst())!
    assert.ok(number > 3, `${number} is the oldest that is left`)
    await copyCheckpoints(away, async () => undefined)
    for (const copy of [copies.whole, copies.away]) {
      const { findings } = await verifyLog(db(), {
        keys: checkpointKeys(app.masterKeys),
        copies: [copy],
        tell: () => undefined,
      })
      assert.deepEqual(findings, [], copy)
    }
  })

  it('signs no erasure of a line that was put into an old chain, and keeps that chain as evidence', async () => {
    const victim = newId(1)
    await write('login', victim)
    await write('login')
    await makeCheckpoint(app)
    clock.advance(366 * day)
    await write()
    const [first, second] = await lines()
    const place = (line: { writer: string; seq: number }) =>
      db().updateTable('audit_lines').where('writer', '=', line.writer).where('seq', '=', line.seq)
    const forge = async (isLinked: boolean) => {
      const forged = { ...first!, event: 'user_deleted' }
      const hash = isLinked ? hashOfLine(forged) : first!.hash
      await place(first!).set({ event: 'user_deleted', hash }).execute()
      if (isLinked) {
        const next = { ...second!, prev_hash: hash }
        await place(second!)
          .set({ prev_hash: hash, hash: hashOfLine(next) })
          .execute()
      }
      await db().updateTable('audit_persons').set({ secret: null }).where('user_id', '=', victim).execute()
    }
    // Edited in place, and with every line behind it hashed anew.
    for (const isLinked of [false, true]) {
      await forge(isLinked)
      await write()
      const made = (await makeCheckpoint(app))!
      assert.deepEqual([JSON.parse(made.body).erased, JSON.parse(made.body).removed], [[], []])
      await remove()
      assert.ok((await lines()).some(({ writer }) => writer === first!.writer))
      assert.ok((await problems()).some((sentence) => sentence.includes(first!.writer)))
    }
  })

  it('never removes a chain that nobody signed', async () => {
    await write()
    clock.advance(400 * day)
    await makeCheckpoint(app)
    await remove()
    assert.equal((await lines()).length, 1)
    await write()
    await makeCheckpoint(app)
    await remove()
    assert.equal((await lines()).length, 1)
    assert.deepEqual(await problems(), [])
  })

  it('lets old checkpoints go as well, and those who were erased, so that nothing grows for ever', async () => {
    const id = newId(1)
    await write('login', id)
    await write('user_deleted', id)
    const count = async () => [
      (await db().selectFrom('audit_checkpoints').selectAll().execute()).length,
      (await db().selectFrom('audit_persons').select('user_id').where('user_id', '=', id).execute()).length,
    ]
    for (let month = 0; month < 30; month++) {
      await makeCheckpoint(app)
      clock.advance(30 * day)
      await write()
      await remove()
      assert.deepEqual(await problems(), [], `month ${month}`)
    }
    const [checkpoints, persons] = await count()
    // The copy goes with them, and a copy of the copy that was never shortened is as good.
    const copy = checkpointFile(app.config.dataDir)
    const numbers = () =>
      readFileSync(copy, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).number)
    assert.equal(numbers().length, 30)
    appendFileSync(copy, 'what no checkpoint is\n')
    await write()
    await checkpointInTurn(app)
    const left = readFileSync(copy, 'utf8').split('\n')
    assert.ok(left.length <= 18 && left.length >= 13, `${left.length} checkpoints in the copy`)
    assert.ok(left.includes('what no checkpoint is'))
    assert.equal(statSync(copy).mode & 0o077, 0)
    writeFileSync(copy, left.filter((line) => line !== 'what no checkpoint is').join('\n'))
    assert.equal(numbers().at(-1), 31)
    assert.deepEqual(await problems(), [])
    const [oldest] = numbers()
    clock.advance(10 * day)
    await checkpointInTurn(app)
    assert.equal(numbers()[0], oldest, 'seldom, and much at once')
    assert.ok(checkpoints! <= 15, `${checkpoints} checkpoints`)
    assert.equal(persons, 0)
    assert.ok((await lines()).length <= 15)
    await db().deleteFrom('audit_checkpoints').where('number', '<', 25).execute()
    assert.ok((await problems()).some((sentence) => /^Checkpoints? .* missing at the old end\.$/.test(sentence)))
  })
})
