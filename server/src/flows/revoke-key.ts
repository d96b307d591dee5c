import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import { markOpening } from '../domain/keys/keyring.ts'
import { longestSetAge, stepsToRotate } from '../domain/keys/lifecycle.ts'
import { sealersLikeActive } from '../domain/keys/reseal.ts'
import { findSigningKey, listSigningKeys, markRevoked, moveSigningKey } from '../domain/keys/store.ts'
import { KeysMoved, takeKeyStep } from '../domain/keys/take-step.ts'
import { recordRevocations } from '../domain/revocations/record.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceRevocations, keepEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { repeatWhenMoved } from './repeat-when-moved.ts'
import { revokedSpan } from './revoked-span.ts'
import { lineOf } from './tend-keys.ts'

const reason = 'key_compromise' as const

/**
 * A key has fallen into wrong hands: it is published no more, the next one signs instead, and every access token it
 * signed is dead within the bound of revocations. Sessions live on, because refresh tokens are not signed by it.
 * @throws AppError `not_found` when there is no such key
 */
export async function revokeKey(app: App, act: Act, kid: string): Promise<void> {
  const revocations = await repeatWhenMoved(async () => {
    const keyTime = await app.time.shared()
    return inAuditedTransaction(app, act, (tx, record) => revokeKeyOnce(app, tx, record, kid, keyTime))
  })
  // A restored database would sign by it again.
  const ends = revocations.map(({ revoked_at: at }) => ({ kind: 'key' as const, id: kid, at, reason }))
  announceRevocations(app, revocations)
  keepEnds(app, ends)
  app.log.warn({ event: 'key_revoked', kid, reason })
  await app.keys.read()
}

/**
 * One try of it, in a transaction.
 * @param keyTime the time that all nodes have in common: by its own, a node that is ahead would put off the turn of the
 *   key that takes over
 * @throws KeysMoved when another node was faster
 */
export async function revokeKeyOnce(
  app: App,
  tx: Tx,
  record: (event: AuditEvent) => void,
  kid: string,
  keyTime: number,
) {
  const { config } = app
  const now = app.clock.now()
  const row = await findSigningKey(tx, kid)
  if (!row) throw new AppError('not_found', { detail: `There is no signing key ${kid}.` })
  if (row.state === 'active') {
    const rows = markOpening(await listSigningKeys(tx), app.masterKeys)
    const masterKeys = sealersLikeActive(rows, app.masterKeys)
    for (const step of stepsToRotate(rows, config.signingAlgorithm)) {
      const moved = await takeKeyStep(tx, step, { algorithm: config.signingAlgorithm, masterKeys, now: keyTime })
      record(lineOf(step, moved))
    }
  }
  const from = row.state === 'active' ? 'retiring' : row.state
  const change = { state: 'removed' as const, retired_at: keyTime, sealed_private: Buffer.alloc(0) }
  // Of a removed key, too: what it signed may be alive elsewhere.
  if (from !== 'removed' && !(await moveSigningKey(tx, kid, from, change))) throw new KeysMoved(kid)
  await markRevoked(tx, kid, keyTime)
  const subject = { kind: 'key' as const, id: kid }
  record({ event: 'signing_key_revoked', subject, reason, details: { state: row.state } })
  const { before, until } = revokedSpan(now)
  // A thief may go on signing; verifiers with a cached key set believe it until that lapses.
  return recordRevocations(tx, 'key', [kid], reason, { before, until: until + longestSetAge }, now)
}
