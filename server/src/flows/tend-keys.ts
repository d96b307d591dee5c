import type { App } from '../app.ts'
import { checkpointKeys } from '../domain/audit/checkpoint-keys.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { listCheckpointSigners } from '../domain/audit/store.ts'
import { KeyRefused } from '../domain/keys/import.ts'
import { markOpening } from '../domain/keys/keyring.ts'
import { dueSteps, type KeyStep, type KeyTimes } from '../domain/keys/lifecycle.ts'
import { resealKey, sealedByOlder, sealersLikeActive, sealersOf } from '../domain/keys/reseal.ts'
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
  // A server does as its settings say: while the master key is changed, nodes of both lists run beside each other.
  await resealKeys(app, systemAct, { toOlder: true })
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

/**
 * After a change of the master key: what an older one seals is sealed by the newest.
 * @param toOlder also where the first master key is older than what seals now
 * @returns how many keys were
 * @throws KeyRefused
 */
export async function resealKeys(app: App, act: Act, { toOlder = false } = {}): Promise<number> {
  const older = sealedByOlder(await listSigningKeys(app.database.db), app.masterKeys)
  if (older.length === 0) return 0
  if (!toOlder) await refuseToGoBack(app, sealersOf(older, app.masterKeys))
  const count = await inAuditedTransaction(app, act, async (tx, record) => {
    let done = 0
    for (const row of older) if (await resealKey(tx, row, app.masterKeys)) done++
    if (done > 0) record({ event: 'signing_keys_resealed', details: { count: done } })
    return done
  })
  if (count > 0) app.log.info({ event: 'keys_resealed', count })
  return count
}

/**
 * A list in the former order would lock out the servers that have only the newer key. Which one is newer, the checkpoints
 * of the audit log tell: each is signed by the first master key of its time.
 */
async function refuseToGoBack(app: App, sealers: Buffer[]): Promise<void> {
  const signers = new Map((await listCheckpointSigners(app.database.db)).map(({ key_id, first }) => [key_id, first]))
  const firstOf = (key: Buffer) => signers.get(checkpointKeys([key]).signer.id) ?? Number.POSITIVE_INFINITY
  const ours = firstOf(app.masterKeys[0]!)
  if (!sealers.some((key) => ours < firstOf(key))) return
  throw new KeyRefused(
    'The first key of NTT_AUTH_MASTER_KEY is an older one than that which seals the signing keys now; servers that have ' +
      'only the newer one could not open what it seals. Put the newer one in front (NTT_AUTH_MASTER_KEY=new,old). To go ' +
      'back to the older one, give it to every server first, then run: ntt-auth keys reseal --to-older',
  )
}
