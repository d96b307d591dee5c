import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { beforeEach, it } from 'node:test'
import type { App } from '../../src/app.ts'
import { checkpointByTheClock, checkpointInTurn } from '../../src/chores/checkpoint-audit.ts'
import { releaseLease, takeLease } from '../../src/database/lease.ts'
import type { AuditCheckpointRow } from '../../src/database/schema.ts'
import { signCheckpoint } from '../../src/domain/audit/checkpoint.ts'
import { appendCheckpoint, checkpointFile } from '../../src/domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../../src/domain/audit/checkpoint-keys.ts'
import { findLastCheckpoint, insertCheckpoint } from '../../src/domain/audit/store.ts'
import { verifyLog } from '../../src/domain/audit/verify.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { CopyDisagrees } from '../../src/flows/compare-copy.ts'
import { copyCheckpoints } from '../../src/flows/copy-checkpoints.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { timeOfId } from '../../src/random.ts'
import { eventually, minute } from '../flows/flow-server.ts'
import { describeStore } from '../stores/fresh-stores.ts'
import { auditedApp, day, masterKeyOf } from '../support/audited.ts'
import { testClock } from '../support/clock.ts'

describeStore('the copy of the checkpoints of each node', (database) => {
  const db = () => database().db
  const clock = testClock()
  const works = new Set<Promise<void>>()
  let one: App
  let other: App

  const node = (...keys: string[]) =>
    ({
      ...auditedApp(database(), clock, keys.map(masterKeyOf)),
      later: (work: () => Promise<void>) => void works.add(work()),
      atLast: () => undefined,
    }) as unknown as App
  const copyOf = (app: App) => checkpointFile(app.config.dataDir)
  const numbersOf = (app: App) =>
    readFileSync(copyOf(app), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).number)
  const sign = async (app: App) => {
    await inAuditedTransaction(app, operatorAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
    await makeCheckpoint(app)
  }
  /** Whoever can write to the database puts it back to where it was after this checkpoint. */
  const putBack = async (number: number, lines: number) => {
    await db().deleteFrom('audit_lines').where('seq', '>', lines).execute()
    await db().updateTable('audit_writers').set({ covered_seq: lines }).execute()
    await db().deleteFrom('audit_checkpoints').where('number', '>', number).execute()
  }
  const findings = async (copies: string[]) => {
    const { masterKeys } = other
    const verdict = await verifyLog(db(), { keys: checkpointKeys(masterKeys), copies, tell: () => undefined })
    return verdict.findings.map(({ kind, what, from, to }) => `${kind} ${what} ${from}-${to}`)
  }

  beforeEach(async () => {
    for (const table of ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints', 'leases'] as const) {
      await db().deleteFrom(table).execute()
    }
    one = node('first')
    other = node('first')
  })

  it('signs over no checkpoint that somebody put there or dated back, and forgets none', async () => {
    for (let count = 0; count < 4; count++) await sign(one)
    const last = await findLastCheckpoint(db())
    const rows = () => db().selectFrom('audit_checkpoints').select(['number', 'at']).orderBy('number').execute()
    const before = await rows()
    const refuses = async (what: string) => {
      await assert.rejects(sign(one), CopyDisagrees, what)
      // Nor on a node that has no copy.
      const bare = node('first')
      await assert.rejects(sign(bare), CopyDisagrees, what)
    }
    const body = {
      ...JSON.parse(last!.body),
      number: 5,
      first: 6,
      heads: [],
      prev_hash: last!.hash.toString('base64url'),
    }
    for (const key_id of [last!.key_id, 'made-up']) {
      const text = JSON.stringify({ ...body, key_id })
      const hash = createHash('sha256').update(text).digest()
      await insertCheckpoint(db(), { ...last!, number: 5, key_id, body: text, hash })
      await assert.rejects(sign(one), CopyDisagrees, key_id)
      await db().deleteFrom('audit_checkpoints').where('number', '=', 5).execute()
    }
    await db().updateTable('audit_checkpoints').set({ at: 0 }).execute()
    await refuses('all dated back')
    await db().updateTable('audit_checkpoints').set({ at: last!.at }).where('number', '=', 4).execute()
    await refuses('all but the last dated back')
    for (const { number, at } of before)
      await db().updateTable('audit_checkpoints').set({ at }).where('number', '=', number).execute()
    // Rows of a key that nobody knows, in the place of old ones.
    const second = (await db().selectFrom('audit_checkpoints').selectAll().where('number', '=', 2).execute())[0]!
    const text = JSON.stringify({ ...JSON.parse(second.body), key_id: 'made-up', at: 0 })
    const hash = createHash('sha256').update(text).digest()
    await db()
      .updateTable('audit_checkpoints')
      .set({ key_id: 'made-up', at: 0, body: text, hash })
      .where('number', '=', 2)
      .execute()
    await refuses('replaced by one of an unknown key')
    assert.equal(JSON.parse((await findLastCheckpoint(db()))!.body).first, 1)
  })

  it('knows checkpoints that were signed before they said since when all is kept, and goes on from them', async () => {
    const keys = checkpointKeys(one.masterKeys)
    const copy = copyOf(one)
    let last: AuditCheckpointRow | undefined
    for (const first of [1, 1, 2]) {
      const said = { at: clock.now(), heads: [], removed: [], erased: [], first }
      last = signCheckpoint(keys, last, said as unknown as Parameters<typeof signCheckpoint>[2])
      assert.ok(!last.body.includes('kept_since'))
      await insertCheckpoint(db(), last)
      appendCheckpoint(copy, last)
    }
    await db().deleteFrom('audit_checkpoints').where('number', '=', 1).execute()
    assert.deepEqual(await findings([copy]), [])
    await sign(one)
    const { number, kept_since } = JSON.parse((await findLastCheckpoint(db()))!.body)
    assert.deepEqual([number, Number.isSafeInteger(kept_since)], [4, true])
    assert.deepEqual(await findings([copy]), [])
  })

  it('shows what a server was brought to forget, though it signed that, and a gap', async () => {
    for (let count = 0; count < 3; count++) await sign(one)
    const copy = copyOf(one)
    const [, , third] = await db().selectFrom('audit_checkpoints').selectAll().orderBy('number').execute()
    await db().updateTable('audit_lines').set({ reason: 'another' }).where('seq', '=', 2).execute()
    const keys = checkpointKeys(one.masterKeys)
    const nothing = { heads: [], removed: [], erased: [], kept_since: clock.now() - 365 * day }
    const forged = signCheckpoint(keys, third, { at: clock.now(), ...nothing, first: 5 })
    const fifth = signCheckpoint(keys, forged, { at: clock.now(), ...nothing, first: 5 })
    await insertCheckpoint(db(), fifth)
    await db().deleteFrom('audit_checkpoints').where('number', '<', 5).execute()
    await db().deleteFrom('audit_lines').where('seq', '=', 3).execute()
    appendCheckpoint(copy, fifth)
    assert.deepEqual(await findings([copy]), [
      'missing checkpoints 1-3',
      'missing checkpoints 4-4',
      'edited lines 2-2',
      'truncated lines 3-3',
    ])
  })

  it('lets the retention take what is old by signed times, and no more, however often it was copied', async () => {
    for (let count = 0; count < 3; count++) await sign(one)
    const copy = copyOf(one)
    const whole = readFileSync(copy, 'utf8')
    const first = JSON.parse((await findLastCheckpoint(db()))!.body).heads
    const third = (await findLastCheckpoint(db()))!
    const { at: begun } = JSON.parse(whole.split('\n')[0]!)
    const later = (kept_since: number) =>
      signCheckpoint(checkpointKeys(one.masterKeys), third, {
        ...{ at: clock.now(), heads: [], removed: first, erased: [], first: 4, kept_since },
      })
    await db().deleteFrom('audit_checkpoints').execute()
    await db().deleteFrom('audit_lines').execute()
    await db().deleteFrom('audit_writers').execute()
    const seen = async (kept_since: number) => {
      await db().deleteFrom('audit_checkpoints').execute()
      await insertCheckpoint(db(), later(kept_since))
      return findings([copy])
    }
    writeFileSync(copy, whole + whole)
    assert.deepEqual(await seen(third.at + 2 * day + 1), [])
    assert.deepEqual(await seen(begun + 2 * day), ['missing checkpoints 1-3'])
    // A chain that was said to go before its time.
    assert.deepEqual(await seen(timeOfId(first[0][0])), ['missing checkpoints 1-3', 'truncated lines 1-3'])
  })

  it('disagrees where what it saw last is gone before its time, though a checkpoint was signed that says it goes', async () => {
    await sign(one)
    const first = (await findLastCheckpoint(db()))!
    const kept = { at: first.at, heads: [], removed: [], erased: [], first: 2, kept_since: first.at + 2 * day }
    const second = signCheckpoint(checkpointKeys(one.masterKeys), first, kept)
    await insertCheckpoint(db(), second)
    await db().deleteFrom('audit_checkpoints').where('number', '=', 1).execute()
    await signsNothing(one, /has checkpoint 1, and the database does not/)
  })

  it('disagrees with the same checkpoint under another signature', async () => {
    await sign(one)
    await db()
      .updateTable('audit_checkpoints')
      .set({ signature: Buffer.alloc(64, 1) })
      .execute()
    await signsNothing(one, /checkpoint 1 in the database is not the one in \S+\. This node signs no/)
  })

  it('takes no chain for old because the lines or the list say so', async () => {
    await sign(one)
    await db().updateTable('audit_writers').set({ started_at: 0 }).execute()
    await db().updateTable('audit_lines').set({ at: 0 }).execute()
    await makeCheckpoint(one)
    await sign(one)
    const removed = await db()
      .selectFrom('audit_writers')
      .select('writer')
      .where('removed_in', 'is not', null)
      .execute()
    assert.deepEqual(removed, [])
    assert.notDeepEqual(await findings([copyOf(one)]), [])
  })

  it('alone shows what was cut off, though other nodes signed it', async () => {
    await sign(one)
    await sign(one)
    await sign(one)
    await checkpointInTurn(other)
    await putBack(1, 1)
    assert.deepEqual(await findings([]), [])
    assert.deepEqual(await findings([copyOf(other)]), await findings([copyOf(one)]))
    assert.deepEqual(await findings([copyOf(other)]), ['truncated checkpoints 2-3', 'truncated lines 2-3'])
  })

  it('has each checkpoint once, in order, whoever made it', async () => {
    await sign(one)
    await checkpointInTurn(other)
    await sign(other)
    await checkpointInTurn(one)
    await sign(one)
    await checkpointInTurn(one)
    await checkpointInTurn(other)
    await checkpointInTurn(other)
    assert.deepEqual(
      [numbersOf(one), numbersOf(other)],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    )
    assert.equal(readFileSync(copyOf(one), 'utf8'), readFileSync(copyOf(other), 'utf8'))
    assert.equal(statSync(copyOf(other)).mode & 0o077, 0)
  })

  it('is made anew by a node that has none, of more than fit in a page', async () => {
    const keys = checkpointKeys(one.masterKeys)
    const nothing = { heads: [], removed: [], erased: [], first: 1, kept_since: 0 }
    for (let number = 1, last: AuditCheckpointRow | undefined; number <= 430; number++) {
      last = signCheckpoint(keys, last, { at: clock.now(), ...nothing })
      await db().insertInto('audit_checkpoints').values(last).execute()
    }
    await checkpointInTurn(other)
    assert.deepEqual(
      numbersOf(other),
      Array.from({ length: 430 }, (_, index) => index + 1),
    )
    assert.deepEqual(await findings([copyOf(other)]), [])
    rmSync(copyOf(other))
    await checkpointInTurn(other)
    assert.equal(numbersOf(other).length, 430)
  })

  it('goes on behind what a crash cut short, and behind what is no checkpoint', async () => {
    await sign(one)
    await checkpointInTurn(other)
    const whole = readFileSync(copyOf(other), 'utf8')
    await sign(one)
    writeFileSync(copyOf(other), `${whole}{"number":2,"at"`)
    await checkpointInTurn(other)
    assert.deepEqual(numbersOf(other), [1, 2])
    appendFileSync(copyOf(other), `${'x'.repeat(200_000)}\n`)
    await checkpointInTurn(other)
    assert.equal(readFileSync(copyOf(other), 'utf8').split('\n').length, 4)
  })

  it('takes nothing that no server signed', async () => {
    await sign(one)
    const row = await db().selectFrom('audit_checkpoints').selectAll().executeTakeFirstOrThrow()
    await db()
      .insertInto('audit_checkpoints')
      .values({ ...row, number: 1_000_000 })
      .execute()
    await assert.rejects(checkpointInTurn(other), CopyDisagrees)
    await db().deleteFrom('audit_checkpoints').where('number', '>', 1).execute()
    await sign(one)
    await checkpointInTurn(other)
    assert.deepEqual(numbersOf(other), [1, 2])
  })

  it('takes what a former master key signed, once the new one has vouched for it', async () => {
    await sign(one)
    await sign(node('second', 'first'))
    const fresh = node('second')
    await checkpointInTurn(fresh)
    assert.deepEqual(numbersOf(fresh), [1, 2])
  })

  /** Whoever can write to the database takes every trace of what was signed out of it. */
  const takeAll = async () => {
    await db().deleteFrom('audit_checkpoints').execute()
    await db().updateTable('audit_writers').set({ covered_seq: 0 }).execute()
  }
  const signsNothing = async (app: App, sentence: RegExp) => {
    const refuses = (error: unknown) => error instanceof CopyDisagrees && sentence.test(error.message)
    const [before, copy] = [await db().selectFrom('audit_checkpoints').selectAll().execute(), readCopy(app)]
    await assert.rejects(makeCheckpoint(app), refuses)
    await assert.rejects(checkpointInTurn(app), refuses)
    await assert.rejects(
      copyCheckpoints(app, async () => undefined),
      refuses,
    )
    assert.deepEqual(await db().selectFrom('audit_checkpoints').selectAll().execute(), before)
    assert.equal(readCopy(app), copy)
  }
  const readCopy = (app: App) => readFileSync(copyOf(app), 'utf8')

  it('keeps its node from signing over a log whose checkpoints are gone, until it is moved away', async () => {
    await sign(one)
    await sign(one)
    await takeAll()
    await signsNothing(
      one,
      /audit-checkpoints\.ndjson has checkpoint 2, and the database does not\. This node signs no/,
    )
    assert.ok((await findings([copyOf(one)])).includes('truncated checkpoints 1-2'))
    renameSync(copyOf(one), `${copyOf(one)}.evidence`)
    assert.equal(await checkpointInTurn(one), true)
    assert.deepEqual(numbersOf(one), [1])
  })

  it('keeps its node from signing over what another node has signed instead', async () => {
    await sign(one)
    await takeAll()
    await sign(other)
    await sign(other)
    await signsNothing(one, /checkpoint 1 in the database is not the one in \S+\. This node signs no/)
    await takeAll()
    const forged = signCheckpoint(checkpointKeys([masterKeyOf('of a thief')]), undefined, {
      ...{ at: 0, heads: [], removed: [], erased: [], first: 1_000_000, kept_since: 0 },
    })
    await db()
      .insertInto('audit_checkpoints')
      .values({ ...forged, number: 999_999 })
      .execute()
    await signsNothing(one, /has checkpoint 1, and the database does not/)
  })

  it('agrees where the retention has removed what this node saw last, as was signed', async () => {
    await sign(one)
    await checkpointInTurn(other)
    await sign(one)
    const last = await db().selectFrom('audit_checkpoints').selectAll().where('number', '=', 2).executeTakeFirst()
    const kept = { at: clock.now(), heads: [], removed: [], erased: [], first: 2, kept_since: clock.now() + 3 * day }
    await db()
      .insertInto('audit_checkpoints')
      .values(signCheckpoint(checkpointKeys(one.masterKeys), last, kept))
      .execute()
    await db().deleteFrom('audit_checkpoints').where('number', '=', 1).execute()
    assert.equal(await checkpointInTurn(other), true)
    assert.deepEqual(numbersOf(other), [1, 2, 3])
  })

  it('says in the log and on the metrics page that it disagrees, and when it agrees again', async () => {
    await sign(one)
    await takeAll()
    const errors: object[] = []
    Object.assign(one, { log: { ...one.log, error: (line: object) => errors.push(line) } })
    const stop = checkpointByTheClock(one, 5)
    try {
      await eventually(() => one.auditCovered.disagrees)
      assert.deepEqual(errors, [{ event: 'audit_checkpoints_disagree' }])
      assert.equal(one.auditCovered.at, 0)
      rmSync(copyOf(one))
      clock.advance(5 * minute)
      await eventually(() => !one.auditCovered.disagrees)
      await eventually(() => existsSync(copyOf(one)))
    } finally {
      stop()
      await Promise.all(works)
    }
  })

  it('is brought up to date soon after the start, and as soon as another node is no longer at it', async () => {
    await sign(one)
    const takeTurn = async () => {
      const now = clock.now() + ((await one.time.skew()) ?? 0)
      return (await takeLease(database(), { name: 'audit-checkpoint', owner: 'x', now, duration: 10 * minute }))!
    }
    const first = await takeTurn()
    const stop = checkpointByTheClock(other, 5)
    try {
      await eventually(() => works.size > 2)
      assert.ok(!existsSync(copyOf(other)))
      await releaseLease(database(), first)
      await eventually(() => existsSync(copyOf(other)))
      assert.deepEqual(numbersOf(other), [1])
      await sign(one)
      const second = await takeTurn()
      const before = works.size
      clock.advance(5 * minute)
      await eventually(() => works.size > before + 1)
      assert.deepEqual(numbersOf(other), [1])
      await releaseLease(database(), second)
      await eventually(() => numbersOf(other).length === 2)
    } finally {
      stop()
      await Promise.all(works)
    }
  })
})
