import type { App } from '../app.ts'
import { readFeed, reloadLiveSet } from '../flows/read-feed.ts'
import { reapplyEnds } from '../flows/reapply-ends.ts'

// Half of what would do on a quiet machine, for the sake of a busy one: the bound is two seconds at the 99th percentile.
const interval = 500
/** What this process revokes is read, and so placed in the feed, this soon; a burst shares one reading. */
const soon = 50
/** Beyond this the time of day was set, and did not merely drift. */
const step = 5000

/**
 * Keeps this node in step with what other nodes revoke. The first reading is done when this returns.
 * @returns how to stop
 */
export async function followRevocations(app: App): Promise<() => void> {
  let lost = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let due = Number.POSITIVE_INFINITY
  let reading: Promise<void> | null = null
  let offset = app.clock.now() - performance.now()
  let wasFarOff = false
  let isFirst = true

  const read = async () => {
    const isFarOff = await app.time.measure()
    // By such a clock revocations have lapsed that have not: followers must not pass their places. A node that starts
    // so is not ready, and knows at least the others.
    if (isFarOff && !isFirst) {
      wasFarOff = true
      throw new Error('The clocks of this node and the database are too far apart to say what was revoked.')
    }
    // What was passed before it was noticed is told again.
    if (wasFarOff) app.feed.restart()
    wasFarOff = isFarOff
    isFirst = false
    const restarts = app.feed.restarts()
    await readFeed(app)
    const drifted = app.clock.now() - performance.now() - offset
    if (Math.abs(drifted) > step) {
      await reloadLiveSet(app)
      offset += drifted
    }
    // Out of reach for a while, or gone back: perhaps another server answers now, and it may lag behind.
    if (lost || app.feed.restarts() !== restarts) await reapplyEnds(app)
    lost = false
    if (!isFarOff) app.revocations.sweep(app.clock.now())
  }
  const poll = async () => {
    due = Number.POSITIVE_INFINITY
    try {
      await read()
    } catch (error) {
      if (!lost && !stopped) app.log.error({ err: error, event: 'revocations_unreadable' })
      lost = true
    }
    reading = null
    schedule(Math.max(1, Math.min(interval, due - performance.now())))
  }
  const schedule = (wait: number) => {
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      reading = poll()
      app.later(() => reading!)
    }, wait).unref()
  }
  const wake = () => {
    if (due < Number.POSITIVE_INFINITY) return
    due = performance.now() + soon
    // A reading under way may have passed what was revoked just now: another one follows it.
    if (reading === null) schedule(soon)
  }

  await read()
  app.feed.onWake(wake)
  schedule(interval)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
