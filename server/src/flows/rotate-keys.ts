import type { App } from '../app.ts'
import { type KeyStep, nextIsReadyAt, stepsToRotate } from '../domain/keys/lifecycle.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { changeKeys, keyTimes } from './tend-keys.ts'

/**
 * The next key takes over before its time.
 * @param force also when it has been published for so short a time that verifiers with a cached key set may not know it
 * @throws AppError `rotation_too_soon`
 */
export async function rotateKeys(app: App, act: Act, { now: force = false }: { now?: boolean } = {}): Promise<void> {
  const { signingAlgorithm, keyPublishAhead } = app.config
  await changeKeys(app, act, (rows, now): KeyStep[] => {
    if (!force) {
      const readyAt = nextIsReadyAt(rows, signingAlgorithm, keyTimes(app))
      const wait = readyAt === null ? keyPublishAhead : readyAt - now
      if (wait > 0) throw tooSoon(wait, readyAt === null ? rows.find(({ opens }) => !opens)?.kid : undefined)
    }
    return stepsToRotate(rows, signingAlgorithm)
  })
}

function tooSoon(wait: number, unopened: string | undefined): AppError {
  const retryAfter = Math.ceil(wait / 1000)
  if (unopened === undefined) return new AppError('rotation_too_soon', { retryAfter })
  const detail =
    `No master key of this node opens the next key ${unopened}, so it cannot take over. The server makes another one ` +
    `within a minute; wait until that has been published for ${retryAfter} seconds. "ntt-auth keys revoke ${unopened}" ` +
    'takes the first one away.'
  return new AppError('rotation_too_soon', { retryAfter, detail })
}
