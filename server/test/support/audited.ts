import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../../src/app.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { Database } from '../../src/database/connect.ts'
import { commonTime } from '../../src/database/time.ts'
import { openLanes } from '../../src/domain/audit/lanes.ts'
import type { Act } from '../../src/flows/acting.ts'
import { createLog } from '../../src/log.ts'
import { quickDirectory } from './quick-directory.ts'

/** As much of an app as the audit log needs. */
export function auditedApp(database: Database, clock: Clock = systemClock, masterKeys = [masterKeyOf('first')]): App {
  const config = { dataDir: mkdtempSync(join(quickDirectory(), 'ntt-auth-audit-')), auditRetention: 365 * day }
  const time = commonTime(database, clock)
  const auditCovered = { at: 0, disagrees: false }
  return {
    database,
    clock,
    time,
    audit: openLanes(),
    auditCovered,
    config,
    masterKeys,
    log: createLog('silent'),
  } as unknown as App
}

export function masterKeyOf(name: string): Buffer {
  return createHash('sha256').update(`a master key of the tests: ${name}`).digest()
}

export const day = 24 * 60 * 60 * 1000

export const somebodysAct: Act = { actor: { kind: 'anyone', id: null }, ip: '192.0.2.7', requestId: 'request-1' }
