import assert from 'node:assert/strict'
import { it } from 'node:test'
import { laneLife, openLanes } from '../../src/domain/audit/lanes.ts'

it('a chain is written on for half a day of the clock, in whichever direction that was set', () => {
  const began = 1_800_000_000_000
  for (const [away, isKept] of [
    [0, true],
    [laneLife - 1, true],
    [laneLife, false],
    [1 - laneLife, true],
    [-laneLife, false],
  ] as const) {
    const lanes = openLanes()
    const lane = lanes.take(began)
    lanes.release(lane)
    assert.equal(lanes.take(began + away).writer === lane.writer, isKept, `${away}`)
  }
})
