import { type Clock, systemClock } from '../../src/clock.ts'
import type { Database } from '../../src/database/connect.ts'
import { openLanes } from '../../src/domain/audit/lanes.ts'
import type { Act } from '../../src/flows/acting.ts'
import type { inAuditedTransaction } from '../../src/flows/audited.ts'

type App = Parameters<typeof inAuditedTransaction>[0]

/** As much of an app as an audited transaction needs. */
export function auditedApp(database: Database, clock: Clock = systemClock): App {
  return { database, clock, audit: openLanes() } as App
}

export const somebodysAct: Act = { actor: { kind: 'anyone', id: null }, ip: '192.0.2.7', requestId: 'request-1' }
