import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fairQueue } from '../../src/domain/passwords/fair-queue.ts'

function drained(queue: { shift(): string | undefined }): string[] {
  const items: string[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item)
  return items
}

test('of one source whoever came first leaves first', () => {
  const queue = fairQueue<string>()
  for (const item of ['a', 'b', 'c']) queue.push(item, 'one', 10)
  assert.deepEqual(drained(queue), ['a', 'b', 'c'])
})

test('a newcomer waits for one item of each other source, not for all of them', () => {
  const queue = fairQueue<string>()
  for (let n = 0; n < 50; n++) queue.push(`flood ${n}`, 'flood', 10)
  queue.push('late', 'other', 10)
  assert.equal(queue.ahead('third'), 20)
  assert.equal(queue.ahead('flood'), 510)
  assert.deepEqual(drained(queue).slice(0, 3), ['flood 0', 'late', 'flood 1'])
})

test('sources that wait together share by cost, not by number', () => {
  const queue = fairQueue<string>()
  for (let n = 0; n < 4; n++) queue.push('dear', 'dear', 30)
  for (let n = 0; n < 12; n++) queue.push('cheap', 'cheap', 10)
  const first = drained(queue).slice(0, 8)
  assert.deepEqual([first.filter((item) => item === 'dear').length, first.length], [2, 8])
})

test('nobody saves turns up by staying away, and nobody who comes back pays for what is long past', () => {
  const queue = fairQueue<string>()
  for (let n = 0; n < 20; n++) queue.push('busy', 'busy', 10)
  for (let n = 0; n < 10; n++) queue.shift()
  queue.push('idler', 'idler', 10)
  queue.push('idler again', 'idler', 10)
  assert.deepEqual(drained(queue).slice(0, 4), ['idler', 'busy', 'idler again', 'busy'])
  queue.push('busy', 'busy', 10)
  queue.push('idler', 'idler', 10)
  assert.deepEqual(drained(queue), ['busy', 'idler'])
})

test('whatever comes and goes, nothing is lost, doubled or overtaken by its own source', () => {
  const sources = ['a', 'b', 'c', 'd']
  const any = (below: number) => Math.floor(Math.random() * below)
  for (let run = 0; run < 300; run++) {
    const steps = Array.from({ length: any(60) }, () => ({
      source: sources[any(4)]!,
      cost: 1 + any(50),
      leave: any(2),
    }))
    const queue = fairQueue<string>()
    const left: string[] = []
    for (const [at, { source, cost, leave }] of steps.entries()) {
      queue.push(`${source}${String(at).padStart(3, '0')}`, source, cost)
      if (leave) left.push(queue.shift()!)
      assert.equal(queue.size(), at + 1 - left.length)
    }
    left.push(...drained(queue))
    assert.equal(new Set(left).size, steps.length, JSON.stringify(steps))
    for (const source of sources) {
      const own = left.filter((item) => item.startsWith(source))
      assert.deepEqual(own, own.toSorted(), JSON.stringify(steps))
    }
  }
})

test('an item that was taken out is not there any more', () => {
  const queue = fairQueue<string>()
  queue.push('a', 'one', 10)
  queue.push('b', 'two', 10)
  assert.equal(queue.remove('a'), true)
  assert.equal(queue.remove('a'), false)
  assert.deepEqual([queue.size(), queue.first(), queue.items()], [1, 'b', ['b']])
})
