import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { checkpointFile, shortenCheckpoints } from '../domain/audit/checkpoint-file.ts'
import { firstOf, removeOldLines } from '../domain/audit/retain.ts'
import { findLastCheckpoint, listWriters } from '../domain/audit/store.ts'
import { CopyDisagrees } from '../flows/compare-copy.ts'
import { copyCheckpoints } from '../flows/copy-checkpoints.ts'
import { makeCheckpoint } from '../flows/make-checkpoint.ts'
import { timeOfId } from '../random.ts'
import { inTurn, turnLasts } from './in-turn.ts'

const interval = 5 * 60_000
const mostLines = 1000
const longest = turnLasts / 3
const batch = 200

// Workers of one machine stop together, one turn after the other.
const turnsAtLast = 20
const betweenTurns = 100

/** Something that one node does at a time. @returns whether it was this node's turn */
type Turn = (app: App) => Promise<boolean>

/**
 * Signs how far the audit log goes, and removes what is older than the retention: every five minutes, after a thousand
 * lines of this node, and at an orderly stop, when its last line is written; of many nodes, one at a time. Lines of the
 * command line, which signs nothing, are covered with all others. What other nodes signed is copied at each turn, and soon
 * after the start.
 * @param look how often it is seen whether it is time, in milliseconds
 * @returns how to stop
 */
export function checkpointByTheClock(app: App, look = 5000): () => void {
  let stopped = false
  // The time of day may be set, and the other clock stands still while the machine sleeps.
  const times = () => ({ ofDay: app.clock.now(), running: performance.now() })
  let made = times()
  let lines = app.audit.written()
  const isDue = () => {
    const { ofDay, running } = times()
    const since = Math.max(running - made.running, Math.abs(ofDay - made.ofDay))
    return since >= interval || app.audit.written() - lines >= mostLines
  }
  let isAtWork = false
  let wanted: Turn | null = copyInTurn
  const work = async (turn: Turn) => {
    isAtWork = true
    wanted = null
    // Where another node was at it, this one has nothing yet of what that signed.
    if (!(await takeTurn(app, turn))) wanted ??= turn
    // What the server before this one left undone is due in its time, however often servers are started.
    if (turn === copyInTurn) made.ofDay = Math.min(made.ofDay, await coveredSince(app))
    isAtWork = false
  }
  const tick = () => {
    if (stopped) return
    if (isDue()) {
      made = times()
      lines = app.audit.written()
      wanted = checkpointInTurn
    }
    if (wanted !== null && !isAtWork) {
      const turn = wanted
      app.later(() => work(turn))
    }
    timer = setTimeout(tick, look).unref()
  }
  let timer = setTimeout(tick, look).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
    // Also where this node wrote nothing: others may have, who have stopped before.
    app.atLast(async () => void (await takeTurn(app, checkpointAtLast)))
  }
}

/**
 * Notes when every line was last seen to be covered (`ntt_auth_audit_checkpoint_age_seconds`), and whether this node's
 * copy disagrees with the database (`ntt_auth_audit_checkpoints_disagree`).
 * @returns whether the turn was taken; one that failed is not to be tried again at once
 */
async function takeTurn(app: App, turn: Turn): Promise<boolean> {
  try {
    const asked = app.clock.now()
    const wasMine = await turn(app)
    const signed = wasMine && turn !== copyInTurn ? asked : ((await findLastCheckpoint(app.database.db))?.at ?? 0)
    app.auditCovered.at = Math.max(app.auditCovered.at, signed)
    if (wasMine) app.auditCovered.disagrees = false
    return wasMine
  } catch (error) {
    if (error instanceof CopyDisagrees) {
      app.auditCovered.disagrees = true
      app.log.error({ event: 'audit_checkpoints_disagree' }, error.message)
    } else app.log.error({ err: error, event: 'audit_checkpoint_failed' })
    return true
  }
}

/** When the newest checkpoint was made, or the first line written where there is none. */
async function coveredSince(app: App): Promise<number> {
  if (app.auditCovered.at > 0) return app.auditCovered.at
  const [oldest] = await listWriters(app.database.db, 1, '').catch(() => [])
  return oldest ? timeOfId(oldest.writer) : app.clock.now()
}

async function checkpointAtLast(app: App): Promise<boolean> {
  for (let turn = 1; !(await checkpointInTurn(app, false)); turn++) {
    if (turn === turnsAtLast) return false
    await delay(betweenTurns)
  }
  return true
}

/** A small batch at a time, and never for longer than the lease lasts: the rest goes with the next turn. */
async function removeExpired(app: App): Promise<void> {
  const began = performance.now()
  const keptSince = (await app.time.earlier()) - app.config.auditRetention
  while (performance.now() - began < longest) {
    const before = performance.now()
    const count = await removeOldLines(app.database.db, keptSince, batch)
    if (count === 0) return
    // Between two batches others get at least three times as long.
    await delay(3 * (performance.now() - before))
  }
}

/** The copy in the data directory goes as far back as the checkpoints in the database, and a tenth further at most. */
async function shortenCopy({ config, clock, database }: App): Promise<void> {
  const last = await findLastCheckpoint(database.db)
  if (!last) return
  const before = clock.now() - config.auditRetention
  const kept = { first: firstOf(last), before, slack: config.auditRetention / 10 }
  await shortenCheckpoints(checkpointFile(config.dataDir), kept)
}

/** @param removing whether old lines go as well. @returns whether it was this node's turn */
export function checkpointInTurn(app: App, removing = true): Promise<boolean> {
  return inTurn(app, 'audit-checkpoint', async (stillMine) => {
    await copyCheckpoints(app, stillMine)
    await makeCheckpoint(app)
    if (removing) await removeExpired(app)
    if (removing) await shortenCopy(app)
  })
}

/** Copies what other nodes signed, and signs nothing. @returns whether it was this node's turn */
function copyInTurn(app: App): Promise<boolean> {
  return inTurn(app, 'audit-checkpoint', async (stillMine) => void (await copyCheckpoints(app, stillMine)))
}
