import type { Clock } from '../../src/clock.ts'
import type { Database } from '../../src/database/connect.ts'

/** A clock that runs with the real one and can be set forward or back. */
export type TestClock = Clock & {
  advance(milliseconds: number): void
  /** How far it is from the real one. */
  offset(): number
}

export function testClock(): TestClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    offset: () => offset,
    advance(milliseconds) {
      offset += milliseconds
    },
  }
}

/** Sets the clock of the database, as this process sees it, to that of the test: time passes for all alike. */
export function followClock(database: Database, clock: TestClock): void {
  const { dialect, db } = database
  database.time = async () => {
    const time = await dialect.now(db)
    return time === null ? null : time + clock.offset()
  }
}
