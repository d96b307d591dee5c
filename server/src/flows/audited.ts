import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import type { Lane } from '../domain/audit/lanes.ts'
import { erasePerson, secretsOf } from '../domain/audit/persons.ts'
import { isListed, type Noted, personsErasedBy, personsIn, recordLines } from '../domain/audit/record.ts'
import type { Act } from './acting.ts'

/**
 * A transaction whose audit lines are written as its last statements and commit with it: no change without its line, no
 * line without its change. Like the work of `inTransaction`, `work` may be run again.
 */
export async function inAuditedTransaction<T>(
  app: App,
  act: Act,
  work: (tx: Tx, record: (event: AuditEvent) => void) => Promise<T>,
): Promise<T> {
  return writingLines(app, async (tx) => {
    const noted: Noted[] = []
    const result = await work(tx, (event) => noted.push({ act, at: app.clock.now(), event }))
    return { result, noted }
  })
}

/** Somebody else gave the same person its secret first: another run finds it. */
class KnownMeanwhile extends Error {}
const rounds = 5

export async function writingLines<T>(app: App, work: (tx: Tx) => Promise<{ result: T; noted: Noted[] }>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await attempt(app, work)
    } catch (error) {
      if (!(error instanceof KnownMeanwhile) || round >= rounds) throw error
    }
  }
}

async function attempt<T>(app: App, work: (tx: Tx) => Promise<{ result: T; noted: Noted[] }>): Promise<T> {
  const { database, audit } = app
  const held: { lane: Lane | null; end: { seq: number; hash: Buffer } | null } = { lane: null, end: null }
  const putBack = () => {
    if (held.lane) audit.release(held.lane)
    held.lane = null
    held.end = null
  }
  try {
    const result = await inTransaction(database, async (tx) => {
      // The run before this one was undone.
      putBack()
      const { result, noted } = await work(tx)
      if (noted.length === 0) return result
      const secrets = await secretsFor(app, tx, noted)
      held.lane = audit.take(app.clock.now())
      // Somebody altered the list of writers: that lane is left for ever.
      while (!(await isListed(tx, held.lane))) held.lane = audit.take(app.clock.now())
      try {
        held.end = await recordLines(tx, held.lane, noted, secrets)
      } catch (error) {
        // The server may hold on to these lines until it notices: nobody follows on that lane.
        if (database.dialect.isConnectionLost(error)) held.lane = null
        throw error
      }
      return result
    })
    if (held.lane && held.end) audit.advance(held.lane, held.end.seq, held.end.hash)
    return result
  } catch (error) {
    // Having got as far as COMMIT it may have been committed all the same: then the lane is left for ever.
    if (held.end === null) putBack()
    throw error
  }
}

async function secretsFor(app: App, tx: Tx, noted: Noted[]) {
  try {
    for (const id of personsErasedBy(noted)) await erasePerson(tx, id, app.clock.now())
    return await secretsOf(tx, personsIn(noted))
  } catch (error) {
    throw app.database.dialect.isDuplicate(error) ? new KnownMeanwhile() : error
  }
}
