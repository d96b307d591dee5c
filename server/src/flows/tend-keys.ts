import type { App } from '../app.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { markOpening } from '../domain/keys/keyring.ts'
import { dueSteps, type KeyStep, type KeyTimes } from '../domain/keys/lifecycle.ts'
import { resealKey, sealedByOlder, sealersLikeActive } from '../domain/keys/reseal.ts'
import { listSigningKeys } from '../domain/keys/store.ts'
import { takeKeyStep } from '../domain/keys/take-step.ts'
import { leewaySeconds, longestLifeSeconds } from '../domain/tokens/access-token.ts'
import { type Act, systemAct } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { repeatWhenMoved } from './repeat-when-moved.ts'

/** How long keys stay in which state here. */
export function keyTimes(app: App): KeyTimes {
  const { keyRotationInterval, keyPublishAhead } = app.config
  // What the key signed last, on a node whose clock is behind, must have expired on every clock. Not by this node's own
  // life of tokens: another one may give them a longer one, or have given it before.
  return {
    interval: keyRotationInterval,
    publishAhead: keyPublishAhead,
    retireAfter: (longestLifeSeconds + 2 * leewaySeconds) * 1000,
  }
}

/** Is it time for any signing key to move on, or to be sealed by a newer master key? */
export async function keysNeedTending(app: App): Promise<boolean> {
  const rows = markOpening(await listSigningKeys(app.database.db), app.masterKeys)
  const steps = dueSteps(rows, app.config.signingAlgorithm, keyTimes(app), await app.time.shared())
  return steps.length > 0 || sealedByOlder(rows, app.masterKeys).length > 0
}

/**
 * Signing keys move on as their time comes: published, then signing, then only verifying, then gone. Every step is a
 * guarded update, so that nodes that do this at the same time agree.
 */
export async function tendKeys(app: App): Promise<void> {
  await changeKeys(app, systemAct, (rows, now) => dueSteps(rows, app.config.signingAlgorithm, keyTimes(app), now))
  await resealKeys(app, systemAct)
}

type Rows = ReturnType<typeof markOpening>

/**
 * Takes the steps that `plan` makes of the keys as they stand; made anew when another node was faster. What must hold of
 * the keys is asked in `plan`: what was asked before may not hold any more.
 */
export async function changeKeys(app: App, act: Act, plan: (rows: Rows, now: number) => KeyStep[]): Promise<void> {
  const { signingAlgorithm: algorithm } = app.config
  const taken = await repeatWhenMoved(async () => {
    // By the time all have in common: a node that is days ahead would retire keys that were made just now.
    const now = await app.time.shared()
    return inAuditedTransaction(app, act, async (tx, record) => {
      const rows = markOpening(await listSigningKeys(tx), app.masterKeys)
      const masterKeys = sealersLikeActive(rows, app.masterKeys)
      const lines: { event: string; kid: string }[] = []
      for (const step of plan(rows, now)) {
        const kid = await takeKeyStep(tx, step, { algorithm, masterKeys, now })
        record(lineOf(step, kid))
        lines.push({ event: eventOf(step), kid })
      }
      return lines
    })
  })
  for (const line of taken) app.log.info(line)
  await app.keys.read()
}

function eventOf(step: KeyStep): string {
  const words = { create: 'created', activate: 'activated', retire: 'retired', remove: 'removed' }
  return `key_${words[step.kind]}`
}

/** The audit line about a step. */
export function lineOf(step: KeyStep, kid: string): AuditEvent {
  const subject = { kind: 'key' as const, id: kid }
  if (step.kind === 'create') return { event: 'signing_key_created', subject, details: { state: step.state } }
  const states = { activate: 'active', retire: 'retiring', remove: 'removed' }
  return { event: 'signing_key_moved', subject, details: { to: states[step.kind] } }
}

/** After a change of the master key: what an older one seals is sealed by the newest. @returns how many keys were */
export async function resealKeys(app: App, act: Act): Promise<number> {
  const older = sealedByOlder(await listSigningKeys(app.database.db), app.masterKeys)
  if (older.length === 0) return 0
  const count = await inAuditedTransaction(app, act, async (tx, record) => {
    let done = 0
    for (const row of older) if (await resealKey(tx, row, app.masterKeys)) done++
    if (done > 0) record({ event: 'signing_keys_resealed', details: { count: done } })
    return done
  })
  if (count > 0) app.log.info({ event: 'keys_resealed', count })
  return count
}
