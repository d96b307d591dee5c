import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { noteChoreRun } from '../database/chore-runs.ts'
import { measureBacklog, newPace, type SweptTable, sweepBatch, sweptTables } from '../flows/sweep.ts'
import { byTheClock } from './by-the-clock.ts'
import { inTurn } from './in-turn.ts'

/** Milliseconds that a batch may take. */
const budget = 50
/** Where one connection serves all, requests wait for as long as a batch takes. */
const budgetOfOneConnection = 10

/** Removes what is over and done with by the clock; of many nodes, one at a time. @returns how to stop */
export function sweepByTheClock(app: App): () => void {
  return byTheClock(app, {
    name: 'sweep',
    interval: app.config.cleanupInterval,
    run: async (stopped) => void (await sweep(app, { stopped })),
  })
}

type Watch = {
  stopped?: () => boolean
  onBatch?: (table: SweptTable, removed: number, more: boolean) => void
}

/**
 * Until nothing is left that is due. Between two batches others get at least three times as long.
 * @returns whether it was this node's turn
 */
export async function sweep(app: App, { stopped = () => false, onBatch }: Watch = {}): Promise<boolean> {
  await warnOfClocks(app)
  const most = app.database.dialect.groupsCommits ? budgetOfOneConnection : budget
  const ran = await inTurn(app, 'sweep', async (stillMine) => {
    for (const table of sweptTables) {
      const pace = newPace()
      for (let more = true; more && !stopped(); ) {
        await stillMine()
        const began = performance.now()
        more = await sweepBatch(app, table, pace, most, (removed, left) => onBatch?.(table, removed, left))
        if (more) await delay(3 * (performance.now() - began))
      }
    }
    await app.database.dialect.forget(app.database.db)
    if (!stopped()) await noteChoreRun(app.database, 'sweep', await app.time.earlier())
  })
  await measureBacklog(app)
  return ran
}

/** In milliseconds; the day that rows stay longer covers more, what people see does not. */
const worthAWarning = 60_000

async function warnOfClocks({ time, log }: App): Promise<void> {
  const skew = (await time.skew()) ?? 0
  if (Math.abs(skew) <= worthAWarning) return
  log.warn({ event: 'clock_skewed', seconds: Math.round(skew / 1000) }, "the database's clock is ahead by so much")
}
