import type { App } from '../app.ts'
import { keysNeedTending, tendKeys } from '../flows/tend-keys.ts'
import { byTheClock } from './by-the-clock.ts'
import { inTurn } from './in-turn.ts'

const longest = 30_000

/** Moves the signing keys on by the clock; of many nodes, one at a time. @returns how to stop */
export function tendKeysByTheClock(app: App): () => void {
  // Often enough that no key is late by much of the time it is published ahead.
  const interval = Math.min(longest, Math.max(250, app.config.keyPublishAhead / 4))
  const run = async () => {
    if (await keysNeedTending(app)) await tendKeysInTurn(app)
  }
  return byTheClock(app, { name: 'tend_keys', interval, run })
}

/** @returns whether it was this node's turn */
export function tendKeysInTurn(app: App): Promise<boolean> {
  return inTurn(app, 'signing-keys', () => tendKeys(app))
}
