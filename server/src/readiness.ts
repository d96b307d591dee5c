import type { Clock } from './clock.ts'
import { mostSkew } from './clock.ts'
import type { Database } from './database/connect.ts'
import { checkSchema } from './database/migrate.ts'
import { clockSkew } from './database/time.ts'

export type Readiness = {
  /** Asks the database at most once a second, however many ask. */
  check(): Promise<{ ready: boolean; reasons: string[] }>
  /** From now on the answer is no: the process is about to stop. */
  drain(): void
  draining(): boolean
}

const keptFor = 1000
const patience = 2000
/** A database that takes no writes is tried again after so long: if nobody sends any, nobody sees it mended. */
const trialAfter = 10_000

/** By a clock that wrong, sessions that live are over and tokens that are over live: it would log people out. */
function tooFarOff(skew: number): string {
  const minutes = Math.round(Math.abs(skew) / 60_000)
  return `The clocks of this node and the database differ by ${minutes} minutes; one of them is wrong.`
}

/**
 * @param signs whether there is a key to sign with
 * @param sees whether what other nodes revoke is known
 */
export function readiness(database: Database, clock: Clock, signs: () => boolean, sees: () => boolean): Readiness {
  let draining = false
  let asked = Number.NEGATIVE_INFINITY
  let answer: Promise<string[]> = Promise.resolve([])
  let refusal: Database['writes']['refusal'] = null
  let refusedSince = 0

  const ask = async (): Promise<string[]> => {
    const reasons: string[] = []
    if (!signs()) reasons.push('There is no active signing key.')
    try {
      await database.ping(patience)
      const schema = await checkSchema(database)
      if (schema !== 'current') reasons.push(`The database schema is ${schema}.`)
      const skew = (await clockSkew(database, clock)) ?? 0
      if (Math.abs(skew) > mostSkew) reasons.push(tooFarOff(skew))
    } catch (error) {
      reasons.push(`The database does not answer: ${(error as Error).message}`)
    }
    return reasons
  }

  const refusedWrite = (now: number): string | null => {
    const { writes } = database
    if (writes.refusal !== refusal) {
      refusal = writes.refusal
      refusedSince = now
    }
    if (refusal === null || Math.abs(now - refusedSince) >= trialAfter) return null
    return `The database takes no writes: ${(refusal.error as Error).message}`
  }

  return {
    async check() {
      if (draining) return { ready: false, reasons: ['The server is stopping.'] }
      const now = clock.now()
      if (Math.abs(now - asked) >= keptFor) {
        asked = now
        answer = ask()
      }
      const reasons = [...(await answer)]
      const refused = refusedWrite(now)
      if (refused !== null) reasons.push(refused)
      if (!sees()) reasons.push('What other nodes revoke could not be read for too long; the log says why.')
      return { ready: reasons.length === 0, reasons }
    },
    drain() {
      draining = true
    },
    draining: () => draining,
  }
}
