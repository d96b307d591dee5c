import type { App } from '../app.ts'
import { releaseLease, takeLease } from '../database/lease.ts'
import { keysNeedTending, tendKeys } from '../flows/tend-keys.ts'
import { randomToken } from '../random.ts'

const longest = 30_000

/** Moves the signing keys on by the clock; of many nodes, one at a time. @returns how to stop */
export function tendKeysByTheClock(app: App): () => void {
  let stopped = false
  let timer: NodeJS.Timeout
  // Often enough that no key is late by much of the time it is published ahead.
  const interval = Math.min(longest, Math.max(250, app.config.keyPublishAhead / 4))
  const tend = async () => {
    try {
      if (await keysNeedTending(app)) await tendKeysInTurn(app)
    } catch (error) {
      if (!stopped) app.log.error({ err: error, event: 'keys_untended' })
    }
    schedule()
  }
  const schedule = () => {
    if (stopped) return
    timer = setTimeout(() => app.later(tend), interval * (0.75 + Math.random() / 2)).unref()
  }
  schedule()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** @returns whether it was this node's turn */
export async function tendKeysInTurn(app: App): Promise<boolean> {
  const { database, clock } = app
  const wanted = { name: 'signing-keys', owner: randomToken(9), now: clock.now(), duration: 10_000 }
  const lease = await takeLease(database, wanted)
  if (!lease) return false
  try {
    await tendKeys(app)
  } finally {
    await releaseLease(database, lease)
  }
  return true
}
