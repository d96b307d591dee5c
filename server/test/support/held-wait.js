// Loaded before a server by tests that want to look at it while it waits: `await delay(HELD_WAIT)`, and no other wait,
// lasts until SIGUSR2 comes. Plain JavaScript, because every thread loads it.
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  const released = new Promise((resolve) => process.once('SIGUSR2', resolve))
  const usual = timers.setTimeout
  timers.setTimeout = (milliseconds, ...rest) =>
    milliseconds === Number(process.env.HELD_WAIT) ? released : usual(milliseconds, ...rest)
  syncBuiltinESMExports()
}
