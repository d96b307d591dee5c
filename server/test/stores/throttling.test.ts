import assert from 'node:assert/strict'
import { it } from 'node:test'
import { groupCommit } from '../../src/database/group-commit.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { allowances } from '../../src/domain/throttling/judge-guess.ts'
import { judgeRate } from '../../src/domain/throttling/judge-rate.ts'
import {
  deleteBucketRows,
  deleteGuesses,
  deleteGuessRows,
  drainBucket,
  findBucket,
  findGuesses,
  insertBucket,
  insertGuesses,
  listBucketsEmptyBefore,
  listGuessesForgottenBefore,
  replaceBucket,
  replaceGuesses,
  returnGuess,
} from '../../src/domain/throttling/store.ts'
import { type Counted, forgive, giveBack, Refused, take } from '../../src/domain/throttling/take.ts'
import { describeStore, failure } from './fresh-stores.ts'

const now = 1_700_000_000_000
let names = 0
const fresh = () => `name-${++names}`.padEnd(43, '_')

describeStore('the throttling store', (database) => {
  const db = () => database().db
  const within = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(database(), work)
  const guesses = async (name: string) => (await findGuesses(db(), { name })).rows[0]
  const row = (name: string, failures: number, forgotten_at: number | null = now) => ({
    ...{ name, failures, last_at: now, forgotten_at },
  })

  it('keeps guesses, and replaces them only as they were read', async () => {
    const name = fresh()
    await within((tx) => insertGuesses(tx, row(name, 1)))
    assert.deepEqual({ ...(await guesses(name)) }, { failures: 1, last_at: now })
    const to = { ...row(name, 2), last_at: now + 1 }
    assert.equal(await within((tx) => replaceGuesses(tx, to, { failures: 2, last_at: now })), false)
    assert.equal(await within((tx) => replaceGuesses(tx, to, { failures: 1, last_at: now - 1 })), false)
    assert.equal(await within((tx) => replaceGuesses(tx, to, { failures: 1, last_at: now })), true)
    assert.deepEqual({ ...(await guesses(name)) }, { failures: 2, last_at: now + 1 })
    assert.deepEqual([await deleteGuesses(db(), name), await deleteGuesses(db(), name)], [true, false])
  })

  it('takes a guess back, never below none', async () => {
    const name = fresh()
    await within((tx) => insertGuesses(tx, row(name, 1)))
    await returnGuess(db(), name)
    await returnGuess(db(), name)
    assert.equal((await guesses(name))?.failures, 0)
  })

  it('keeps buckets, and replaces and drains them', async () => {
    const name = fresh()
    assert.equal(await findBucket(db(), name), undefined)
    await within((tx) => insertBucket(tx, name, now))
    assert.equal(await within((tx) => replaceBucket(tx, name, now + 5, now + 1)), false)
    assert.equal(await within((tx) => replaceBucket(tx, name, now + 5, now)), true)
    await drainBucket(db(), name, 3)
    assert.equal(await findBucket(db(), name), now + 2)
  })

  it('fills a bucket as the rule says, whatever comes when', async () => {
    const rate = { burst: 3, every: 1000 }
    const name = fresh()
    let [seed, at] = [11, now]
    let model: number | undefined
    let passed = 0
    for (let call = 0; call < 120; call++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      // Now and then so long that the bucket is empty again: what was not used then is not there later.
      at += seed % 7 === 0 ? 5000 : seed % 900
      const { next } = judgeRate(rate, model, at)
      const counted: Counted = { guesses: [], rates: [{ name, limiter: 'network', rate }] }
      const outcome = await within((tx) => take(tx, counted, at)).then(
        () => true,
        (error) => {
          assert.ok(error instanceof Refused)
          return false
        },
      )
      assert.equal(outcome, next !== null)
      if (next !== null) model = next
      if (outcome) passed++
      assert.equal(await findBucket(db(), name), model)
    }
    assert.ok(passed > 40 && passed < 110)
  })

  it('lists what is due, oldest first, and removes none that was counted on meanwhile', async () => {
    const [old, older, locked, alive] = [fresh(), fresh(), fresh(), fresh()]
    await within(async (tx) => {
      await insertGuesses(tx, row(old, 1, 20))
      await insertGuesses(tx, row(older, 1, 10))
      await insertGuesses(tx, row(locked, 100, null))
      await insertGuesses(tx, row(alive, 1, now))
    })
    const due = await listGuessesForgottenBefore(db(), 30, 10)
    assert.deepEqual(
      due.map(({ id }) => id),
      [older, old],
    )
    await within((tx) => replaceGuesses(tx, row(old, 2, now), { failures: 1, last_at: now }))
    assert.equal(await deleteGuessRows(db(), [older, old, locked], 30), 1)
    assert.ok((await guesses(old)) && (await guesses(locked)))

    const [empty, filled] = [fresh(), fresh()]
    await within(async (tx) => {
      await insertBucket(tx, empty, 10)
      await insertBucket(tx, filled, 20)
    })
    assert.deepEqual(
      (await listBucketsEmptyBefore(db(), 30, 10)).map(({ id }) => id),
      [empty, filled],
    )
    await drainBucket(db(), filled, -now)
    assert.equal(await deleteBucketRows(db(), [empty, filled], 30), 1)
    assert.equal(await findBucket(db(), filled), now + 20)
  })

  it('lets pass everything that counts a call, or writes nothing', async () => {
    const rate = { burst: 2, every: 1000 }
    const counted: Counted = {
      guesses: [{ name: fresh(), limiter: 'account', allowance: allowances.account }],
      rates: [{ name: fresh(), limiter: 'network', rate }],
    }
    const commit = groupCommit(database())
    const one = () => commit((tx) => take(tx, counted, now))
    assert.deepEqual(await one(), { failures: 1, lastAt: now })
    assert.deepEqual(await one(), { failures: 2, lastAt: now })
    const refused = (await failure(one())) as Refused
    assert.deepEqual(refused.refusal, { ...counted.rates[0], wait: 1000 })
    assert.equal((await guesses(counted.guesses[0]!.name))?.failures, 2)

    await commit((tx) => giveBack(tx, counted))
    assert.equal((await guesses(counted.guesses[0]!.name))?.failures, 1)
    assert.equal((await one())?.failures, 2)
    await commit((tx) => forgive(tx, counted))
    assert.equal(await guesses(counted.guesses[0]!.name), undefined)
    assert.equal(await findBucket(db(), counted.rates[0]!.name), now + 1000)
  })
})
