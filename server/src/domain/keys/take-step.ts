import type { Tx } from '../../database/connect.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { createSigningKey } from './create.ts'
import type { KeyStep } from './lifecycle.ts'
import { insertSigningKey, moveSigningKey, type SigningKeyRow } from './store.ts'

/** Another node moved the key meanwhile: the plan that this step belongs to is out of date. */
export class KeysMoved extends Error {}

// The private half of a key that signs no more is of use to thieves only.
const forgotten = Buffer.alloc(0)

/**
 * Does one step, guarded by the state the key is in.
 * @param now milliseconds since 1970
 * @returns the key it was done to
 * @throws KeysMoved when the key is no longer in that state
 */
export async function takeKeyStep(
  tx: Tx,
  step: KeyStep,
  { algorithm, masterKeys, now }: { algorithm: SigningAlgorithm; masterKeys: Buffer[]; now: number },
): Promise<string> {
  if (step.kind === 'create') {
    const key = createSigningKey(algorithm, masterKeys, now)
    await insertSigningKey(tx, { ...key, state: step.state, activated_at: step.state === 'active' ? now : null })
    return key.kid
  }
  const [from, change] = moves(step, now)
  if (!(await moveSigningKey(tx, step.kid, from, change))) throw new KeysMoved(step.kid)
  return step.kid
}

type Change = Parameters<typeof moveSigningKey>[3]

function moves(step: Exclude<KeyStep, { kind: 'create' }>, now: number): [SigningKeyRow['state'], Change] {
  if (step.kind === 'activate') return ['next', { state: 'active', activated_at: now }]
  if (step.kind === 'retire') return ['active', { state: 'retiring', retired_at: now, sealed_private: forgotten }]
  return [step.from, { state: 'removed', retired_at: now, sealed_private: forgotten }]
}
