import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'

const most = 1000
/** Not at once: otherwise the next request of the same caller would wait for this work, and tell that there was some. */
const [soonest, spread] = [30, 120]

/** What an answer must not wait for, because the time it takes would tell whether an address is known. */
export type Afterwards = { waiting: number; last: Promise<void> }

/**
 * Does work after the answer, one after the other. @throws AppError `overloaded`, whoever asks, when too much is waiting
 */
export function afterTheAnswer(app: App, work: () => Promise<void>): void {
  const queue = app.afterwards
  if (queue.waiting >= most) throw new AppError('overloaded', { retryAfter: 5 })
  queue.waiting++
  app.later(async () => {
    await delay(soonest + Math.random() * spread)
    const done = queue.last.then(work)
    queue.last = done.catch(() => undefined).finally(() => queue.waiting--)
    await done
  })
}
