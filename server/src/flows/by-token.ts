import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { countFailure, refuseKnown } from './throttled.ts'

/**
 * Lets a mailed token be shown. A right one always passes, whatever was sent from the same network before: it has 256
 * bits, so nobody need be kept from guessing. Only wrong ones are counted, after they were looked up, and one that was
 * refused is not looked up again for a while.
 * @throws AppError `rate_limited` instead of `invalid_one_time_token`, when it is one too many
 */
export async function byToken<T>(app: App, act: Act, token: string, work: () => Promise<T>): Promise<T> {
  const trace = app.throttle.name('one_time_token', 'token', token)
  refuseKnown(app, 'one_time_token', [trace])
  try {
    return await work()
  } catch (error) {
    const isWrong = error instanceof AppError && error.code === 'invalid_one_time_token'
    if (isWrong) await countFailure(app, act.ip, 'one_time_token', {}, trace)
    throw error
  }
}
