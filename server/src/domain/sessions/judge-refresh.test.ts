import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { endReasons } from '../../errors.ts'
import { judgeRefresh } from './judge-refresh.ts'
import { traceOfKey } from './redeemers.ts'

const now = 1_800_000_000_000
const minute = 60_000
const day = 24 * 60 * minute

const [a, b] = ['first-key-0123456789', 'other-key-0123456789']
const unknown = 'unknown'

/** A live session at generation 10 whose newest redeemers are given; the others are unknown. */
function row(redeemers: (string | null)[], changes = {}) {
  const slots = Array.from({ length: 8 }, (_, slot) => {
    const who = slot < redeemers.length ? redeemers[slot]! : unknown
    return who === unknown ? Buffer.alloc(8, 0xff) : traceOfKey(who)
  })
  return {
    generation: 10,
    rotated_at: now - minute,
    redeemers: Buffer.concat(slots),
    idle_expires_at: now + 30 * day,
    absolute_expires_at: now + 90 * day,
    ended_at: null,
    end_reason: null,
    ...changes,
  }
}

const judge = (of: ReturnType<typeof row>, generation: number, key: string | null, at = now) =>
  judgeRefresh(of, generation, traceOfKey(key), key !== null, at)

test('the first use rotates, with and without a key', () => {
  for (const key of [a, null]) assert.deepEqual(judge(row([b]), 10, key), { kind: 'rotate' })
})

test('the parent is answered again to its key, however late', () => {
  for (const age of [0, 1000, 60 * minute, 29 * day]) {
    assert.deepEqual(judge(row([a], { rotated_at: now - age }), 9, a), { kind: 'repeat' })
  }
})

test('no key equals no key, and nothing else', () => {
  assert.deepEqual(judge(row([null]), 9, null), { kind: 'repeat' })
  assert.deepEqual(judge(row([null]), 9, a), { kind: 'reuse' })
  assert.deepEqual(judge(row([a]), 9, null), { kind: 'reuse' })
})

test('the parent shown with another key is reuse, also when nobody knows who used it', () => {
  assert.deepEqual(judge(row([a]), 9, b), { kind: 'reuse' })
  assert.deepEqual(judge(row([unknown]), 9, b), { kind: 'reuse' })
})

test('a grandparent with its key is superseded for ten minutes, then reuse', () => {
  const at = (rotated_at: number) => judge(row([b, a], { rotated_at }), 8, a).kind
  assert.equal(at(now), 'superseded')
  assert.equal(at(now - 10 * minute), 'superseded')
  assert.equal(at(now - 10 * minute - 1), 'reuse')
})

test('a grandparent without a key, or with another, is reuse', () => {
  assert.equal(judge(row([b, null]), 8, null).kind, 'reuse')
  assert.equal(judge(row([b, unknown]), 8, null).kind, 'reuse')
  assert.equal(judge(row([b, a]), 8, b).kind, 'reuse')
  assert.equal(judge(row([b, null]), 8, a).kind, 'reuse')
})

test('a generation that was skipped is superseded with any key', () => {
  assert.equal(judge(row([b, unknown]), 8, a).kind, 'superseded')
})

test('the memory reaches nine generations back and no further', () => {
  const keys = Array.from({ length: 8 }, (_, slot) => `key-of-slot-${slot}-0123456789`)
  for (let slot = 1; slot < 8; slot++) assert.equal(judge(row(keys), 9 - slot, keys[slot]!).kind, 'superseded')
  assert.equal(judge(row(keys), 1, keys[7]!).kind, 'reuse')
  assert.equal(judge(row([]), 1, a).kind, 'reuse')
})

test('a token ahead of its row moves forward, whatever the key, and though the row was idle', () => {
  assert.deepEqual(judge(row([a]), 11, b), { kind: 'forward' })
  assert.deepEqual(judge(row([a]), 4000, null), { kind: 'forward' })
  assert.deepEqual(judge(row([a], { idle_expires_at: now - day }), 11, b), { kind: 'forward' })
})

test('an ended session says why, before anything else is looked at', () => {
  for (const reason of endReasons) {
    const ended = row([a], { ended_at: now - 1, end_reason: reason, absolute_expires_at: now - day })
    for (const generation of [0, 9, 10, 11]) assert.deepEqual(judge(ended, generation, a), { kind: 'ended', reason })
  }
})

test('an expired session is over at that very millisecond, for tokens ahead of it as well', () => {
  for (const generation of [0, 8, 9, 10, 11]) {
    assert.deepEqual(judge(row([a], { absolute_expires_at: now }), generation, a), { kind: 'ended', reason: 'expired' })
  }
  assert.equal(judge(row([a], { absolute_expires_at: now + 1 }), 10, a).kind, 'rotate')
})

test('an idle session is over at that very millisecond, and its old tokens are no reuse', () => {
  for (const generation of [0, 8, 9, 10]) {
    assert.deepEqual(judge(row([a], { idle_expires_at: now }), generation, b), { kind: 'ended', reason: 'idle' })
  }
  assert.equal(judge(row([a], { idle_expires_at: now + 1 }), 9, a).kind, 'repeat')
})

/** The protocol's table once more, written from the document and not from the code. */
function table(of: ReturnType<typeof row>, g: number, key: string | null, at: number): string {
  const n = of.generation
  if (of.ended_at !== null) return `ended ${of.end_reason}`
  if (!(at < of.absolute_expires_at)) return 'ended expired'
  if (g > n) return 'forward'
  if (!(at < of.idle_expires_at)) return 'ended idle'
  if (g === n) return 'rotate'
  const h = key === null ? '0'.repeat(16) : createHash('sha256').update(key).digest('hex').slice(0, 16)
  const all = of.redeemers.toString('hex').match(/.{16}/g) as string[]
  const user = (generation: number): string | undefined => all[n - 1 - generation]
  if (g === n - 1 && user(g) === h) return 'repeat'
  const fits = user(g) === h || user(g) === 'f'.repeat(16)
  if (g <= n - 2 && key !== null && fits && at - of.rotated_at <= 10 * minute) return 'superseded'
  return 'reuse'
}

test('for any row, generation, key and time the verdict is the one of the table', () => {
  const who = fc.constantFrom(a, b, null, unknown)
  const near = fc.constantFrom(now - 10 * minute - 1, now - 10 * minute, now - 1, now, now + 1, now + day)
  const rows = fc
    .record({
      redeemers: fc.array(who, { minLength: 8, maxLength: 8 }),
      generation: fc.nat(12),
      rotated_at: near,
      idle_expires_at: fc.oneof(near, fc.constant(now + 30 * day)),
      absolute_expires_at: fc.oneof(near, fc.constant(now + 90 * day), fc.constant(now + 91 * day)),
      end: fc.option(fc.constantFrom(...endReasons), { freq: 6 }),
    })
    .map(({ redeemers, end, ...columns }) =>
      row(redeemers, { ...columns, ...(end && { ended_at: now - 1, end_reason: end }) }),
    )
  const seen = new Set<string>()
  fc.assert(
    fc.property(rows, fc.nat(14), fc.constantFrom(a, b, null), (of, generation, key) => {
      const verdict = judge(of, generation, key)
      const expected = table(of, generation, key, now)
      assert.equal(verdict.kind === 'ended' ? `ended ${verdict.reason}` : verdict.kind, expected)
      seen.add(expected.split(' ')[0]!)
    }),
    { numRuns: 20_000 },
  )
  // A property that never met a case would prove nothing about it.
  assert.deepEqual([...seen].sort(), ['ended', 'forward', 'repeat', 'reuse', 'rotate', 'superseded'])
})
