import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { unsentStates } from '../../src/domain/outbox/mail.ts'
import * as store from '../../src/domain/outbox/store.ts'
import { outboxRow } from '../support/rows.ts'
import { describeStore } from './fresh-stores.ts'

const now = 1_700_000_000_000

describeStore('the outbox store', (database) => {
  const db = () => database().db
  const insert = async (changes: Parameters<typeof outboxRow>[0] = {}) => {
    const row = outboxRow(changes)
    await store.insertMail(db(), row)
    return row
  }
  const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)

  it('keeps a mail byte for byte', async () => {
    const row = await insert({ sealed: Buffer.from([0, 1, 255]), locale: 'de-CH', last_error: 'ü' })
    assert.deepEqual({ ...(await store.findMail(db(), row.id)) }, row)
  })

  it('finds what is due, the longest due first, and neither what is early nor what is over', async () => {
    const late = await insert({ due_at: now - 20 })
    const due = await insert({ due_at: now - 10 })
    await insert({ due_at: now + 1 })
    await insert({ due_at: now - 30, state: 'sent' })
    assert.deepEqual(idsOf(await store.listDueMail(db(), now - 10, 50)), [late.id, due.id])
    assert.deepEqual(idsOf(await store.listDueMail(db(), now - 10, 1)), [late.id])
  })

  it('gives a mail to one claimant, however many try, and to the next when its time is over', async () => {
    const row = await insert()
    const claims = await Promise.all(['a', 'b', 'c'].map((claim) => store.claimMail(db(), row, claim, now + 60)))
    assert.deepEqual(claims.filter(Boolean), [true])
    const claimed = (await store.findMail(db(), row.id))!
    assert.deepEqual([claimed.due_at, claimed.attempts], [now + 60, 1])
    assert.equal(await store.claimMail(db(), claimed, 'd', now + 120), true)
    assert.equal(
      await store.settleMail(db(), row.id, claimed.claim!, { state: 'failed' }),
      false,
      'the first is too late',
    )
    const end = { state: 'sent' as const, sealed: Buffer.alloc(0), finished_at: now + 70 }
    assert.equal(await store.settleMail(db(), row.id, 'd', end), true)
    assert.equal(await store.settleMail(db(), row.id, 'd', end), false, 'it is over')
    const settled = (await store.findMail(db(), row.id))!
    assert.deepEqual([settled.state, settled.sealed.length, settled.attempts], ['sent', 0, 2])
    assert.equal(await store.claimMail(db(), settled, 'e', now), false)
  })

  it('forgets the mail to one address, and no other', async () => {
    const kept = await insert({ recipient: 'bo@example.com.au' })
    const gone = [
      await insert({ recipient: 'bo@example.com' }),
      await insert({ recipient: 'bo@example.com', state: 'sent' }),
    ]
    await store.deleteMailTo(db(), 'bo@example.com')
    for (const { id } of gone) assert.equal(await store.findMail(db(), id), undefined)
    assert.ok(await store.findMail(db(), kept.id))
    await store.deleteMailRows(db(), [kept.id])
  })

  it('blanks the mail to one address that still counts, and stops what of it waits', async () => {
    const recipient = 'cy@example.com'
    const [waiting, sent] = [
      await insert({ recipient, budget: 'forgot' }),
      await insert({ recipient, budget: 'forgot', state: 'sent', last_error: null }),
    ]
    const untouched = [
      await insert({ recipient: 'cy@example.com.au', budget: 'forgot' }),
      await insert({ recipient, budget: null }),
      await insert({ recipient, budget: 'forgot', created_at: now - 9 }),
    ]
    await inTransaction(database(), (tx) => store.blankMailTo(tx, recipient, 'alias', now - 9, now + 1))
    const [one, other] = [(await store.findMail(db(), waiting.id))!, (await store.findMail(db(), sent.id))!]
    assert.deepEqual([one.recipient, one.sealed.length, one.state, one.finished_at], ['alias', 0, 'failed', now + 1])
    assert.deepEqual([other.recipient, other.sealed.length, other.state], ['alias', 0, 'sent'])
    assert.deepEqual(await store.listMailTimes(db(), ['alias'], 'forgot', now - 9, 9), [now, now])
    for (const row of untouched) assert.deepEqual(await store.findMail(db(), row.id), row)
    await store.deleteMailRows(
      db(),
      [one, other, ...untouched].map(({ id }) => id),
    )
  })

  it('counts, measures and lists', async () => {
    await insert({ recipient: 'grace@example.com', budget: 'forgot', created_at: now - 5 })
    await insert({ recipient: 'grace@example.com', budget: 'forgot', created_at: now - 500 })
    const times = (to: string, budget: string, since: number, limit = 9) =>
      store.listMailTimes(db(), [to, 'nobody'], budget, since, limit)
    assert.deepEqual(await times('grace@example.com', 'forgot', now - 5), [])
    assert.deepEqual(await times('grace@example.com', 'forgot', now - 6), [now - 5])
    assert.deepEqual(await times('grace@example.com', 'forgot', now - 501), [now - 5, now - 500])
    assert.deepEqual(await times('grace@example.com', 'forgot', now - 501, 1), [now - 5])
    assert.deepEqual(await times('grace@example.com', 'resend', now - 501), [])
    assert.deepEqual(await times('GRACE@example.com', 'forgot', now - 6), [])
    for (const state of ['held', 'failed'] as const) await insert({ state, created_at: now - 9000 })
    await insert({ state: 'held' })
    const waiting = await store.listMail(db(), 'waiting', 200)
    const measured = await store.measureOutbox(db())
    assert.deepEqual(measured, { waiting: waiting.length, held: 2, failed: 1, oldest: now - 500 })
    assert.deepEqual(idsOf(waiting), idsOf(waiting).sort().reverse())
    assert.ok((await store.listMail(db(), undefined, 200)).length > waiting.length)
  })

  it('tries again what was given up, and nothing else', async () => {
    const failed = await insert({ state: 'failed', attempts: 9, finished_at: now })
    const waiting = await insert()
    assert.equal(await store.reviveMail(db(), waiting.id, now), false)
    assert.equal(await store.reviveMail(db(), failed.id, now), true)
    const revived = (await store.findMail(db(), failed.id))!
    assert.deepEqual([revived.state, revived.attempts, revived.expires_at], ['waiting', 0, failed.expires_at])
  })

  it('measures nothing where all was sent', async () => {
    await inTransaction(database(), (tx) => store.moveMail(tx, {}, [...unsentStates], { state: 'sent' }))
    assert.deepEqual(await store.measureOutbox(db()), { waiting: 0, held: 0, failed: 0, oldest: null })
  })

  it('removes what is out of date', async () => {
    const old = await insert({ expires_at: now - 99_999, state: 'sent' })
    assert.deepEqual(idsOf(await store.listMailExpiredBefore(db(), now - 50_000, 10)), [old.id])
    assert.equal(await store.deleteMailRows(db(), [old.id]), 1)
    assert.equal(await store.findMail(db(), old.id), undefined)
  })
})
