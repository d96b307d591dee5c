import { setTimeout as delay } from 'node:timers/promises'
import type { App } from './app.ts'
import { followKeys } from './chores/follow-keys.ts'
import { followRevocations } from './chores/follow-revocations.ts'
import { releaseLease, takeLease } from './database/lease.ts'
import { checkSchema, migrateUp } from './database/migrate.ts'
import { inTransaction } from './database/transaction.ts'
import { ensureActiveKey } from './domain/keys/activate.ts'
import { listSigningKeys, type SigningKeyRow } from './domain/keys/store.ts'
import { reapplyEnds } from './flows/reapply-ends.ts'
import { randomToken } from './random.ts'

/**
 * Brings an app to where it can serve: schema current, a signing key active, what ended stays ended, and the live set
 * loaded. @returns how to stop what keeps running
 * @throws Error with a sentence for the operator
 */
export async function startApp(app: App): Promise<() => void> {
  await bringSchema(app)
  await bringKeys(app)
  await reapplyEnds(app)
  app.journal.forget(app.clock.now() - app.config.sessionAbsoluteTtl)
  const stopRevocations = await followRevocations(app)
  const stopKeys = followKeys(app)
  return () => {
    stopRevocations()
    stopKeys()
  }
}

export async function bringSchema(app: App): Promise<void> {
  let state = await checkSchema(app.database)
  if (state === 'pending' && app.config.autoMigrate) {
    await migrateUp(app.database, { clock: app.clock, tell: (line) => app.log.debug(line) })
    state = await checkSchema(app.database)
  }
  if (state === 'pending') {
    throw new Error('The database schema is behind this version. Run "ntt-auth migrate up", then start again.')
  }
  if (state === 'newer') {
    throw new Error('The database schema is newer than this version. Start the version that made it, or a later one.')
  }
}

async function bringKeys(app: App): Promise<void> {
  const { database, config, masterKeys, clock } = app
  const isThere = (rows: SigningKeyRow[]) =>
    rows.some((row) => row.state === 'active' && row.algorithm === config.signingAlgorithm)
  let rows = await listSigningKeys(database.db)
  // Under a wrong master key nothing is changed: a key made now would be no use to the other nodes.
  app.keyring.load(rows)
  // Many nodes may start at once on an empty database: one of them makes the key, the others wait for it.
  for (let tries = 0; !isThere(rows) && tries < 100; tries++) {
    const wanted = { name: 'signing-keys', owner: randomToken(9), now: clock.now(), duration: 10_000 }
    const lease = await takeLease(database, wanted)
    if (lease) {
      await inTransaction(database, (tx) => ensureActiveKey(tx, config.signingAlgorithm, masterKeys, clock.now()))
      await releaseLease(database, lease)
    } else {
      await delay(100)
    }
    rows = await listSigningKeys(database.db)
  }
  app.keyring.load(rows)
}
