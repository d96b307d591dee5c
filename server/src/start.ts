import { setTimeout as delay } from 'node:timers/promises'
import type { App } from './app.ts'
import { checkpointByTheClock } from './chores/checkpoint-audit.ts'
import { deleteAccountsByTheClock } from './chores/delete-accounts.ts'
import { deliverMailByTheClock } from './chores/deliver-mail.ts'
import { followFormats } from './chores/follow-formats.ts'
import { followKeys } from './chores/follow-keys.ts'
import { followRevocations } from './chores/follow-revocations.ts'
import { sweepByTheClock } from './chores/sweep.ts'
import { tendKeysByTheClock, tendKeysInTurn } from './chores/tend-keys.ts'
import { watchFollowers } from './chores/watch-followers.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { checkCertificates } from './config/rehearse.ts'
import { checkSchema, migrateUp } from './database/migrate.ts'
import { reachDatabase } from './database/reach.ts'
import { SchemaMismatch } from './database/schema-mismatch.ts'
import { canOpen, openPrivateKey } from './domain/keys/keyring.ts'
import { activeFirst } from './domain/keys/lifecycle.ts'
import { listSigningKeys } from './domain/keys/store.ts'
import { mailTemplates } from './domain/outbox/templates.ts'
import { sampleHashes } from './domain/passwords/store.ts'
import { readFormats } from './flows/know-formats.ts'
import { reapplyEnds } from './flows/reapply-ends.ts'

/**
 * Brings an app to where it can serve: schema current, a signing key active, what ended stays ended, and the live set
 * loaded. @returns how to stop what keeps running
 * @throws Error with a sentence for the operator
 */
export async function startApp(app: App): Promise<() => void> {
  await bringSchema(app)
  await bringKeys(app)
  checkTemplates(app.config)
  checkCertificates(app.config)
  await app.throttle.redis?.open()
  await reapplyEnds(app)
  app.journal.forget((await app.time.earlier()) - app.config.sessionAbsoluteTtl)
  app.hasher.meet(await sampleHashes(app.database.db, 200))
  await readFormats(app)
  const stopRevocations = await followRevocations(app)
  const stops = [
    stopRevocations,
    watchFollowers(app),
    followKeys(app),
    followFormats(app),
    tendKeysByTheClock(app),
    checkpointByTheClock(app),
    sweepByTheClock(app),
    deleteAccountsByTheClock(app),
    deliverMailByTheClock(app),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

export async function bringSchema(app: App): Promise<void> {
  await reachDatabase(app.database, app.config.databaseUrl)
  await checkMasterKey(app)
  let state = await checkSchema(app.database)
  if (state === 'pending' && app.config.autoMigrate) {
    await migrateUp(app.database, { clock: app.clock, tell: (line) => app.log.debug(line) })
    state = await checkSchema(app.database)
  }
  if (state === 'pending') {
    const remedy = 'Run "ntt-auth migrate up", then start again.'
    throw new SchemaMismatch('pending', `The database schema is behind this version. ${remedy}`)
  }
  if (state === 'newer') {
    const remedy = 'Start the version that made it, or a later one.'
    throw new SchemaMismatch('newer', `The database schema is newer than this version. ${remedy}`)
  }
}

/**
 * Under a wrong master key nothing is changed: what it seals is of no use to the other nodes, and what they sealed is of
 * no use here.
 */
async function checkMasterKey({ database, masterKeys }: App): Promise<void> {
  if (!(await database.dialect.hasTable(database.db, 'signing_keys'))) return
  const rows = await listSigningKeys(database.db)
  const [active] = activeFirst(rows)
  const waiting = rows.filter(({ state }) => state === 'next')
  if (active) openPrivateKey(active, masterKeys)
  // One that waits and does not open never signs (`lifecycle.ts`): that is told, and is no reason to be down.
  else if (waiting.length > 0 && !waiting.some((row) => canOpen(row, masterKeys))) {
    openPrivateKey(waiting[0]!, masterKeys)
  }
}

/** The operator's own words are read now: a mistake in them must not be found by the first mail. */
export function checkTemplates({ mailTemplates: directory }: Pick<Config, 'mailTemplates'>): void {
  if (directory === null) return
  const complaints = mailTemplates(directory).check()
  if (complaints.length === 0) return
  const problem = `The mail templates are not as they must be. ${complaints.join(' ')}`
  const remedy = 'Mend them, or take the setting away: then the shipped ones count.'
  throw new ConfigError([{ name: 'NTT_AUTH_MAIL_TEMPLATES', source: directory, problem, remedy }])
}

async function bringKeys(app: App): Promise<void> {
  await app.keys.read()
  // Many nodes may start at once on an empty database: one of them makes the keys, the others wait for it.
  for (let tries = 0; app.keyring.signer() === null && tries < 100; tries++) {
    if (!(await tendKeysInTurn(app))) await delay(100)
    await app.keys.read()
  }
}
