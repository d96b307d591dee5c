import assert from 'node:assert/strict'
import { beforeEach, it } from 'node:test'
import type { AuditLineRow } from '../../src/database/schema.ts'
import { firstHash, laneLife, openLanes } from '../../src/domain/audit/lanes.ts'
import { hashOfLine } from '../../src/domain/audit/line.ts'
import { openPersonal } from '../../src/domain/audit/personal.ts'
import { actingAs } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { newId } from '../../src/random.ts'
import { describeStore, failure } from '../stores/fresh-stores.ts'
import { auditedApp, somebodysAct } from '../support/audited.ts'
import { testClock } from '../support/clock.ts'
import { userRow } from '../support/rows.ts'

describeStore('an audited transaction', (database) => {
  const db = () => database().db
  beforeEach(async () => {
    for (const table of ['audit_lines', 'audit_writers', 'audit_persons', 'users'] as const) {
      await db().deleteFrom(table).execute()
    }
  })
  const lines = () => db().selectFrom('audit_lines').selectAll().orderBy('writer').orderBy('seq').execute()
  const registered = (id: string) =>
    ({ event: 'user_registered', subject: { kind: 'user', id }, personal: { email: 'ada@example.com' } }) as const

  it('commits its lines with the change, and neither without the other', async () => {
    const app = auditedApp(database())
    const [kept, lost] = [userRow(), userRow()]
    const answer = await inAuditedTransaction(app, somebodysAct, async (tx, record) => {
      await tx.insertInto('users').values(kept).execute()
      record(registered(kept.id))
      return 'an answer'
    })
    assert.equal(answer, 'an answer')
    const error = new Error('at the end')
    const failed = inAuditedTransaction(app, somebodysAct, async (tx, record) => {
      await tx.insertInto('users').values(lost).execute()
      record(registered(lost.id))
      throw error
    })
    assert.equal(await failure(failed), error)
    assert.deepEqual(
      (await db().selectFrom('users').select('id').execute()).map(({ id }) => id),
      [kept.id],
    )
    const [line, ...more] = await lines()
    assert.deepEqual(more, [])
    assert.deepEqual(
      [line!.seq, line!.event, line!.subject_id, line!.user_id, line!.actor_kind, line!.request_id],
      [1, 'user_registered', kept.id, kept.id, 'anyone', 'request-1'],
    )
  })

  it('writes nothing where nothing happened', async () => {
    await inAuditedTransaction(auditedApp(database()), somebodysAct, async () => undefined)
    assert.deepEqual(await lines(), [])
    assert.deepEqual(await db().selectFrom('audit_writers').selectAll().execute(), [])
  })

  it('leads every chain on without a gap or a fork, however many write at once', async () => {
    const app = auditedApp(database())
    const users = Array.from({ length: 60 }, () => newId(1))
    await Promise.all(
      users.map((id) =>
        inAuditedTransaction(app, actingAs(somebodysAct, id), async (_tx, record) => {
          record({ event: 'login', subject: { kind: 'user', id } })
          record({ event: 'password_changed', subject: { kind: 'user', id } })
        }),
      ),
    )
    const all = await lines()
    assert.equal(all.length, 120)
    assert.equal(app.audit.written(), 120)
    assert.deepEqual(broken(all), [])
    assert.equal(new Set(all.map(({ user_id }) => user_id)).size, 60)
  })

  it('takes another run when the database undid the first, and writes its lines once', async () => {
    const app = auditedApp({ ...database(), dialect: { ...database().dialect, isRetryable: () => true } })
    let runs = 0
    const [one, two] = [newId(1), newId(2)]
    await inAuditedTransaction(app, somebodysAct, async (_tx, record) => {
      record({ event: 'login', subject: { kind: 'user', id: one } })
      if (++runs === 1) throw new Error('undone')
    })
    await inAuditedTransaction(app, somebodysAct, async (_tx, record) =>
      record({ event: 'login', subject: { kind: 'user', id: two } }),
    )
    const all = await lines()
    assert.deepEqual(
      all.map(({ seq, user_id }) => [seq, user_id]),
      [
        [1, one],
        [2, two],
      ],
    )
    assert.deepEqual(broken(all), [])
  })

  it('seals what tells about a person by a secret of that person', async () => {
    const app = auditedApp(database())
    const [admin, user] = [newId(1), newId(2)]
    await inAuditedTransaction(app, actingAs(somebodysAct, admin), async (_tx, record) =>
      record({ event: 'user_created', subject: { kind: 'user', id: user }, personal: { email: 'ada@example.com' } }),
    )
    const [line] = await lines()
    const persons = await db().selectFrom('audit_persons').selectAll().execute()
    const secretOf = (id: string) => persons.find(({ user_id }) => user_id === id)!.secret
    assert.deepEqual(openPersonal(secretOf(admin), line!.actor_sealed!), { ip: '192.0.2.7' })
    assert.deepEqual(openPersonal(secretOf(user), line!.user_sealed!), { email: 'ada@example.com' })
    assert.equal(openPersonal(secretOf(admin), line!.user_sealed!), null)
    assert.ok(!JSON.stringify({ ...line, actor_sealed: null, user_sealed: null }).includes('192.0.2.7'))
  })

  it('gives a person one secret, however many lines about it are the first', async () => {
    const app = auditedApp(database())
    const id = newId(1)
    await Promise.all(
      Array.from({ length: 12 }, () =>
        inAuditedTransaction(app, actingAs(somebodysAct, id), async (_tx, record) =>
          record({ event: 'login', subject: { kind: 'user', id } }),
        ),
      ),
    )
    const [person, ...more] = await db().selectFrom('audit_persons').selectAll().execute()
    assert.deepEqual(more, [])
    const all = await lines()
    assert.equal(all.length, 12)
    for (const line of all) assert.deepEqual(openPersonal(person!.secret, line.user_sealed!), { ip: '192.0.2.7' })
  })

  it('makes a person unreadable with the line that says the user is gone, and says nothing personal afterwards', async () => {
    const app = auditedApp(database())
    const id = newId(1)
    const act = actingAs(somebodysAct, id)
    const write = (event: 'login' | 'user_deleted') =>
      inAuditedTransaction(app, act, async (_tx, record) => record({ event, subject: { kind: 'user', id } }))
    await write('login')
    await write('user_deleted')
    await write('login')
    const all = await lines()
    const sealed = all.map(({ event, user_sealed }) => [event, user_sealed !== null])
    assert.deepEqual(sealed, [
      ['login', true],
      ['user_deleted', false],
      ['login', false],
    ])
    const [person] = await db().selectFrom('audit_persons').selectAll().execute()
    assert.equal(person!.secret, null)
    assert.ok(person!.erased_at! > 0)
    assert.deepEqual(broken(all), [])
  })

  it('never goes on with a chain of which it cannot know whether its last line was committed', async () => {
    const lost = Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })
    const { db: real, dialect, ...rest } = database()
    let committed = true
    // The answer to COMMIT is lost, or the COMMIT itself.
    const startTransaction = () => ({
      execute: async () =>
        new Proxy(await real.startTransaction().execute(), {
          get(tx, name) {
            if (name !== 'commit') {
              const member = Reflect.get(tx, name)
              return typeof member === 'function' ? member.bind(tx) : member
            }
            const execute = async () => {
              if (committed) await tx.commit().execute()
              throw lost
            }
            return () => ({ execute })
          },
        }),
    })
    const isConnectionLost = (error: unknown) => error === lost
    const lossy = { ...rest, db: { startTransaction }, dialect: { ...dialect, isConnectionLost } }
    const app = auditedApp(database())
    const write = (by: typeof app) =>
      inAuditedTransaction(by, somebodysAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
    await write(app)
    for (committed of [true, false]) {
      assert.equal(await failure(write({ ...app, database: lossy } as unknown as typeof app)), lost)
      await write(app)
    }
    const all = await lines()
    assert.deepEqual(broken(all), [])
    // One that was committed though nobody heard of it, and two chains that began after each loss.
    assert.deepEqual(
      all.map(({ seq }) => seq),
      [1, 2, 1, 1],
    )
  })

  it('leaves a chain for ever when the connection broke under its lines, before any COMMIT', async () => {
    const lost = Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })
    const { db: real, dialect, ...rest } = database()
    const writers: string[] = []
    let breaks = true
    // The server may commit nothing, or hold on to the lines until it notices: nobody here can know.
    const breaking = (tx: object): object =>
      new Proxy(tx, {
        get(target, name) {
          const member = Reflect.get(target, name)
          if (name !== 'insertInto') return typeof member === 'function' ? member.bind(target) : member
          return (table: string) => {
            if (table !== 'audit_lines') return member.call(target, table)
            return {
              values: (rows: AuditLineRow[]) => ({
                execute: async () => {
                  writers.push(rows[0]!.writer)
                  if (breaks) {
                    breaks = false
                    throw lost
                  }
                  return member.call(target, table).values(rows).execute()
                },
              }),
            }
          }
        },
      })
    const startTransaction = () => ({ execute: async () => breaking(await real.startTransaction().execute()) })
    const isConnectionLost = (error: unknown) => error === lost
    const audit = openLanes()
    const app = auditedApp(database())
    const lossy = { ...rest, db: { startTransaction }, dialect: { ...dialect, isConnectionLost } }
    const write = (by: typeof app) =>
      inAuditedTransaction(by, somebodysAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
    await write({ ...app, audit })
    await write({ ...app, audit, database: lossy } as unknown as typeof app)
    await write({ ...app, audit })
    const all = await lines()
    const [left, taken] = writers
    assert.notEqual(taken, left)
    assert.deepEqual(
      all.map(({ writer, seq }) => [writer === left, seq]),
      [
        [true, 1],
        [false, 1],
        [false, 2],
      ],
    )
    assert.deepEqual(broken(all), [])
  })

  it('begins a new chain after half a day', async () => {
    const clock = testClock()
    const app = auditedApp(database(), clock)
    const write = () =>
      inAuditedTransaction(app, somebodysAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
    await write()
    clock.advance(laneLife - 60_000)
    await write()
    clock.advance(120_000)
    await write()
    assert.deepEqual(
      (await lines()).map(({ seq }) => seq),
      [1, 2, 1],
    )
    assert.equal((await db().selectFrom('audit_writers').selectAll().execute()).length, 2)
  })
})

/** Where a chain is not one, said by this test and not by the code under test. */
function broken(lines: AuditLineRow[]): string[] {
  const ends = new Map<string, { seq: number; hash: Buffer }>()
  return lines.flatMap((line) => {
    const { seq, hash } = ends.get(line.writer) ?? { seq: 0, hash: firstHash }
    ends.set(line.writer, line)
    const isNext = line.seq === seq + 1 && line.prev_hash.equals(hash) && line.hash.equals(hashOfLine(line))
    return isNext ? [] : [`${line.writer} ${line.seq}`]
  })
}
