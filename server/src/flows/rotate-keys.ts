import type { App } from '../app.ts'
import { nextIsReadyAt, stepsToRotate } from '../domain/keys/lifecycle.ts'
import { listSigningKeys } from '../domain/keys/store.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { changeKeys, keyTimes } from './tend-keys.ts'

/**
 * The next key takes over before its time.
 * @param now also when it has been published for so short a time that verifiers with a cached key set may not know it
 * @throws AppError `rotation_too_soon`
 */
export async function rotateKeys(app: App, act: Act, { now = false }: { now?: boolean } = {}): Promise<void> {
  const { signingAlgorithm } = app.config
  if (!now) {
    const readyAt = nextIsReadyAt(await listSigningKeys(app.database.db), signingAlgorithm, keyTimes(app))
    const wait = readyAt === null ? app.config.keyPublishAhead : readyAt - (await app.time.shared())
    if (wait > 0) throw new AppError('rotation_too_soon', { retryAfter: Math.ceil(wait / 1000) })
  }
  await changeKeys(app, act, (rows) => stepsToRotate(rows, signingAlgorithm))
}
