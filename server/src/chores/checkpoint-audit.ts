import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { releaseLease, takeLease } from '../database/lease.ts'
import { removeOldLines } from '../domain/audit/retain.ts'
import { makeCheckpoint } from '../flows/make-checkpoint.ts'
import { randomToken } from '../random.ts'

const interval = 5 * 60_000
const look = 5000
const mostLines = 1000
const leaseDuration = 30_000
const longest = leaseDuration / 3
const batch = 200

/**
 * Signs how far the audit log goes, and removes what is older than the retention: every five minutes, after a thousand
 * lines of this node, and at an orderly stop; of many nodes, one at a time. @returns how to stop
 */
export function checkpointByTheClock(app: App): () => void {
  let stopped = false
  let madeAt = performance.now()
  let lines = app.audit.written()
  const make = async () => {
    try {
      await checkpointInTurn(app)
    } catch (error) {
      app.log.error({ err: error, event: 'audit_checkpoint_failed' })
    }
  }
  const tick = () => {
    if (stopped) return
    const due = performance.now() - madeAt >= interval || app.audit.written() - lines >= mostLines
    if (due) {
      madeAt = performance.now()
      lines = app.audit.written()
      app.later(make)
    }
    timer = setTimeout(tick, look).unref()
  }
  let timer = setTimeout(tick, look).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
    if (app.audit.written() > lines) app.later(make)
  }
}

/** A small batch at a time, and never for longer than the lease lasts: the rest goes with the next turn. */
async function removeExpired(app: App): Promise<void> {
  const began = performance.now()
  while (performance.now() - began < longest) {
    const before = performance.now()
    const count = await removeOldLines(app.database.db, app.clock.now() - app.config.auditRetention, batch)
    if (count === 0) return
    // Between two batches others get at least three times as long.
    await delay(3 * (performance.now() - before))
  }
}

/** @returns whether it was this node's turn */
export async function checkpointInTurn(app: App): Promise<boolean> {
  const { database, clock } = app
  const wanted = { name: 'audit-checkpoint', owner: randomToken(9), now: clock.now(), duration: leaseDuration }
  const lease = await takeLease(database, wanted)
  if (!lease) return false
  try {
    await makeCheckpoint(app)
    await removeExpired(app)
  } finally {
    await releaseLease(database, lease)
  }
  return true
}
