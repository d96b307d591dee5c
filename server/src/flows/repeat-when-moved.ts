import { setTimeout as delay } from 'node:timers/promises'
import { KeysMoved } from '../domain/keys/take-step.ts'
import { AppError } from '../errors.ts'

// Each round that fails was won by somebody else, so that of many at once each comes to its turn.
const rounds = 25

/**
 * Does something to the signing keys, anew when others moved them meanwhile.
 * @param once one try of it, with a plan of its own
 * @throws AppError `unavailable` when others were faster every time
 */
export async function repeatWhenMoved<T>(once: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await once()
    } catch (error) {
      if (!(error instanceof KeysMoved)) throw error
      const detail = 'Others change the signing keys at the same time, again and again. Try again in a moment.'
      if (round === rounds) throw new AppError('unavailable', { retryAfter: 1, detail, cause: error })
      await delay(Math.random() * 100)
    }
  }
}
