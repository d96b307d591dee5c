import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { noRedeemers, pushRedeemer, slots, traceOfKey, wasRedeemedBy } from './redeemers.ts'

const key = (n: number) => traceOfKey(`key-number-${n}-0123456789`)

test('the trace of a key is eight bytes of its SHA-256, and no key is a trace of its own', () => {
  const text = 'q83vEjRWeJCrze8SNFZ4kA'
  assert.deepEqual(traceOfKey(text), createHash('sha256').update(text).digest().subarray(0, 8))
  assert.notDeepEqual(traceOfKey(text), traceOfKey(`${text}A`))
  assert.deepEqual(traceOfKey(null), Buffer.alloc(8, 0))
  assert.notDeepEqual(traceOfKey(''), traceOfKey(null))
})

test('the newest redeemer is in front, and the ninth is forgotten', () => {
  let redeemers = noRedeemers
  for (let n = 1; n <= 9; n++) redeemers = pushRedeemer(redeemers, key(n), 0)
  assert.equal(redeemers.length, 64)
  for (let slot = 0; slot < slots; slot++) {
    assert.equal(wasRedeemedBy(redeemers, slot, key(9 - slot), false), true, `slot ${slot}`)
    assert.equal(wasRedeemedBy(redeemers, slot, key(8 - slot), false), false, `slot ${slot}, its neighbour's key`)
  }
  assert.equal(wasRedeemedBy(redeemers, 8, key(1), true), false)
})

test('skipped generations are unknown, which counts only where asked for', () => {
  const redeemers = pushRedeemer(pushRedeemer(noRedeemers, key(1), 0), key(2), 3)
  assert.equal(wasRedeemedBy(redeemers, 0, key(2), false), true)
  for (const slot of [1, 2, 3]) {
    assert.equal(wasRedeemedBy(redeemers, slot, key(2), false), false)
    assert.equal(wasRedeemedBy(redeemers, slot, key(2), true), true)
  }
  assert.equal(wasRedeemedBy(redeemers, 4, key(1), false), true)
  assert.equal(wasRedeemedBy(redeemers, 4, key(2), true), false)
})

test('a leap over more generations than there are slots leaves one redeemer and unknowns', () => {
  const redeemers = pushRedeemer(pushRedeemer(noRedeemers, key(1), 0), key(2), 4_000_000_000)
  assert.deepEqual(redeemers, Buffer.concat([key(2), Buffer.alloc(56, 0xff)]))
})

test('there is nothing outside the slots', () => {
  for (const slot of [-1, 8, 9, 1000]) assert.equal(wasRedeemedBy(noRedeemers, slot, traceOfKey(null), true), false)
})

test('the row always keeps 64 bytes, and is not written into', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(100), fc.nat(20)), { maxLength: 20 }), (pushes) => {
      let redeemers = noRedeemers
      for (const [n, skipped] of pushes) redeemers = pushRedeemer(redeemers, key(n), skipped)
      assert.equal(redeemers.length, 64)
      assert.deepEqual(noRedeemers, Buffer.alloc(64, 0xff))
    }),
    { numRuns: 300 },
  )
})
