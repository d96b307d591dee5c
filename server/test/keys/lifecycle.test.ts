import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { activeFirst, dueSteps, type KeyStep, stepsToRotate } from '../../src/domain/keys/lifecycle.ts'

type Row = Parameters<typeof dueSteps>[0][number]
const times = { interval: 100, publishAhead: 20, retireAfter: 30 }
const row = (kid: string, state: Row['state'], changes: Partial<Row> = {}): Row => ({
  kid,
  algorithm: 'ES256',
  state,
  created_at: 0,
  activated_at: state === 'active' || state === 'retiring' ? 0 : null,
  retired_at: state === 'retiring' ? 0 : null,
  ...changes,
})

/** Keys that move as the steps say. */
function apply(rows: Row[], steps: KeyStep[], now: number, algorithm: string, name: () => string): Row[] {
  let result = [...rows]
  const change = (kid: string, from: Row['state'][], fields: Partial<Row>) => {
    const found = result.find((each) => each.kid === kid)
    assert.ok(found && from.includes(found.state), `${kid} is ${found?.state}`)
    result = result.map((each) => (each === found ? { ...each, ...fields } : each))
  }
  for (const step of steps) {
    if (step.kind === 'create') {
      const activated = step.state === 'active' ? now : null
      result.push(row(name(), step.state, { algorithm, created_at: now, activated_at: activated }))
    } else if (step.kind === 'activate') change(step.kid, ['next'], { state: 'active', activated_at: now })
    else if (step.kind === 'retire') change(step.kid, ['active'], { state: 'retiring', retired_at: now })
    else change(step.kid, [step.from], { state: 'removed' })
  }
  return result.filter(({ state }) => state !== 'removed')
}

describe('the life of signing keys', () => {
  it('begins with one that signs and one that is published', () => {
    assert.deepEqual(dueSteps([], 'ES256', times, 0), [
      { kind: 'create', state: 'active' },
      { kind: 'create', state: 'next' },
    ])
  })

  it('asks for nothing while nothing is due', () => {
    const rows = [row('a', 'active', { activated_at: 5 }), row('b', 'next', { created_at: 5 })]
    assert.deepEqual(dueSteps(rows, 'ES256', times, 104), [])
  })

  it('lets the next key take over when its time has come, and makes another', () => {
    const rows = [row('a', 'active', { activated_at: 5 }), row('b', 'next', { created_at: 5 })]
    assert.deepEqual(dueSteps(rows, 'ES256', times, 105), [
      { kind: 'activate', kid: 'b' },
      { kind: 'retire', kid: 'a' },
      { kind: 'create', state: 'next' },
    ])
  })

  it('waits for a next key that has not been published for long enough, however old the active one is', () => {
    const rows = [row('a', 'active'), row('b', 'next', { created_at: 1000 })]
    assert.deepEqual(dueSteps(rows, 'ES256', times, 1019), [])
    assert.equal(dueSteps(rows, 'ES256', times, 1020).length, 3)
  })

  it('removes a retired key when the last token of it has expired, and not before', () => {
    const rows = [row('a', 'active'), row('b', 'next'), row('c', 'retiring', { retired_at: 50 })]
    assert.deepEqual(dueSteps(rows, 'ES256', times, 79), [])
    assert.deepEqual(dueSteps(rows, 'ES256', times, 80), [{ kind: 'remove', kid: 'c', from: 'retiring' }])
  })

  it('publishes a key of a new algorithm first, and takes the unused one of the old algorithm away', () => {
    const rows = [row('a', 'active'), row('b', 'next')]
    assert.deepEqual(dueSteps(rows, 'EdDSA', times, 50), [
      { kind: 'create', state: 'next' },
      { kind: 'remove', kid: 'b', from: 'next' },
    ])
  })

  it('takes any published key when none signs', () => {
    assert.deepEqual(dueSteps([row('b', 'next', { algorithm: 'RS256', created_at: 9 })], 'ES256', times, 10), [
      { kind: 'activate', kid: 'b' },
      { kind: 'create', state: 'next' },
    ])
  })

  it('leaves one of two active keys, the same on every node', () => {
    const rows = [row('a', 'active', { activated_at: 1 }), row('c', 'active', { activated_at: 2 }), row('n', 'next')]
    assert.equal(activeFirst(rows)[0]!.kid, 'c')
    assert.equal(activeFirst([...rows].reverse())[0]!.kid, 'c')
    assert.deepEqual(dueSteps(rows, 'ES256', times, 50), [{ kind: 'retire', kid: 'a' }])
  })

  it('never lets a key sign that was not published long enough, nor go while a token of it may live', () => {
    const algorithms = ['ES256', 'EdDSA'] as const
    const event = fc.record({ wait: fc.nat(60), algorithm: fc.constantFrom(...algorithms) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let count = 0
        const name = () => `k${++count}`
        let [now, rows] = [0, [] as Row[]]
        const lastSigned = new Map<string, number>()
        for (const { wait, algorithm } of [{ wait: 0, algorithm: 'ES256' }, ...events]) {
          const [signing] = activeFirst(rows)
          now += wait
          if (signing) lastSigned.set(signing.kid, now)
          const before = rows
          rows = apply(rows, dueSteps(rows, algorithm, times, now), now, algorithm, name)
          assert.equal(rows.filter(({ state }) => state === 'active').length, 1)
          assert.equal(rows.filter((each) => each.state === 'next' && each.algorithm === algorithm).length, 1)
          const [active] = activeFirst(rows)
          if (active!.kid !== signing?.kid && signing) assert.ok(now - active!.created_at >= times.publishAhead)
          for (const { kid } of before.filter((each) => !rows.some(({ kid }) => kid === each.kid))) {
            const signed = lastSigned.get(kid)
            if (signed !== undefined) assert.ok(now - signed >= times.retireAfter, `${kid} went too early`)
          }
          assert.deepEqual(dueSteps(rows, algorithm, times, now), [], 'one round is enough')
        }
      }),
    )
  })

  it('rotates on demand to the key that has been published longest, else to a new one', () => {
    const rows = [row('a', 'active'), row('c', 'next', { created_at: 2 }), row('b', 'next', { created_at: 1 })]
    assert.deepEqual(stepsToRotate(rows, 'ES256'), [
      { kind: 'activate', kid: 'b' },
      { kind: 'retire', kid: 'a' },
    ])
    assert.deepEqual(stepsToRotate([row('a', 'active')], 'ES256'), [
      { kind: 'create', state: 'active' },
      { kind: 'retire', kid: 'a' },
      { kind: 'create', state: 'next' },
    ])
  })
})
