import type { Clock } from '../../src/clock.ts'

/** A clock that runs with the real one and can be set forward or back. */
export type TestClock = Clock & { advance(milliseconds: number): void }

export function testClock(): TestClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    advance(milliseconds) {
      offset += milliseconds
    },
  }
}
