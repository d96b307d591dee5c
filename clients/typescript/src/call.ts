import type { AuthError } from './errors/errors.ts'
import { NetworkError } from './errors/errors.ts'
import { type Answer, type Ask, exchange, type Wire, wasNotSent } from './http/exchange.ts'
import { backoff, pauseOf } from './http/retry.ts'
import type { Settings } from './options.ts'

export type CallOptions = {
  /** Ends the caller's wait; a refresh that others need too goes on. */
  signal?: AbortSignal
  /** Milliseconds. */
  timeoutMs?: number
}

/** What is sent again: anything that failed for now, or only what surely never reached the server. */
export type Again = 'transient' | 'unsent'
/** `turn`: the answer may set the cookie. */
export type Request = Omit<Ask, 'timeoutMs' | 'signal'> & {
  options?: CallOptions | undefined
  again?: Again
  turn?: boolean
}

/**
 * Sends until there is an answer, as far as that is safe and there is time.
 * @param lost called when an attempt may have reached the server without our learning what it did
 */
export async function call(
  settings: Pick<Settings, 'clock' | 'retry' | 'timeoutMs'>,
  wire: Wire,
  { options, again = 'unsent', turn: _turn, ...ask }: Request,
  lost?: () => void,
): Promise<Answer> {
  const { clock, retry } = settings
  const { signal, timeoutMs = settings.timeoutMs } = options ?? {}
  const deadline = clock.monotonic() + timeoutMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await exchange(wire, { ...ask, timeoutMs, signal })
    } catch (thrown) {
      const error = thrown as AuthError
      const unsent = wasNotSent(error)
      if (!unsent && error instanceof NetworkError) lost?.()
      const wait = pauseOf(error, backoff(attempt, retry.baseMs, retry.capMs))
      const attempts = again === 'transient' ? 3 : unsent ? 2 : 1
      if (!error.retryable || attempt >= attempts || clock.monotonic() + wait > deadline) throw error
      await clock.sleep(wait)
    }
  }
}
