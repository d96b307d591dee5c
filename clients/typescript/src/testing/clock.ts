import { isFlag } from '../check.ts'
import type { Clock } from '../clock.ts'
import { check, isNumber } from './check.ts'

/** A clock that stands still until it is told. */
export type VirtualClock = Clock & {
  /** Lets time pass, and wakes those who slept until then. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock, as a user or a time server would; no time passes. */
  setWall(ms: number): void
}

/** How the clock begins. */
export type VirtualClockOptions = {
  /** Milliseconds since 1970. Default: 2026-01-01. */
  start?: number
  /** Whether a sleep takes no real time: the clock jumps to its end. Default true. */
  auto?: boolean
}

/** A clock for tests: hours pass at once, and only when you say so. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  check('virtualClock', options, { start: isNumber(0), auto: isFlag })
  const { start = Date.UTC(2026, 0, 1), auto = true } = options
  let wall = start
  let monotonic = 0
  let sleepers: { until: number; wake: () => void }[] = []
  const pass = (ms: number) => {
    wall += ms
    monotonic += ms
    const due = sleepers.filter(({ until }) => until <= monotonic)
    sleepers = sleepers.filter(({ until }) => until > monotonic)
    for (const { wake } of due) wake()
  }
  return {
    wall: () => wall,
    monotonic: () => monotonic,
    sleep(ms) {
      if (auto) {
        pass(ms)
        return Promise.resolve()
      }
      return new Promise((wake) => sleepers.push({ until: monotonic + ms, wake }))
    },
    async advance(ms) {
      pass(ms)
      // Whoever was woken gets to run before the caller goes on.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    },
    setWall(ms) {
      wall = ms
    },
  }
}
