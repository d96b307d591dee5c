import type { AuthError } from './errors/errors.ts'
import { NetworkError } from './errors/errors.ts'
import { type Answer, type Ask, exchange, type Wire, wasNotSent } from './http/exchange.ts'
import { mayTryAgain } from './http/retry.ts'
import { within } from './http/within.ts'
import type { Settings } from './options.ts'

/** How long one call may take; every method takes it last. */
export type CallOptions = {
  /** Ends the caller's wait; a refresh that others need too goes on. */
  signal?: AbortSignal
  /** Milliseconds. */
  timeoutMs?: number
}

/**
 * `again`: it is sent again after any failure that passes; otherwise only what surely never reached the server is.
 * `turn`: the answer may set the cookie.
 */
export type Request = Omit<Ask, 'signal'> & {
  options?: CallOptions | undefined
  again?: boolean | undefined
  turn?: boolean
  /** As whom it is sent, from the first time on. */
  user?: string
}

/** How long somebody waits: the signal ends the wait after `timeoutMs`, and before when the caller gives up. */
export type Patience = { signal: AbortSignal; timeoutMs: number }

/** What of the settings it takes to send. */
export type Sender = Wire & Pick<Settings, 'retry' | 'timeoutMs'>

/**
 * Sends until there is an answer, as far as that is safe and there is time.
 * @param lost called when an attempt may have reached the server without our learning what it did
 */
export async function call(
  settings: Wire & Pick<Settings, 'retry'>,
  request: Request & Patience,
  lost?: () => void,
): Promise<Answer> {
  const deadline = settings.clock.monotonic() + request.timeoutMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await exchange(settings, request)
    } catch (thrown) {
      const error = thrown as AuthError
      const unsent = wasNotSent(error)
      if (!unsent && error instanceof NetworkError) lost?.()
      const attempts = request.again ? 3 : unsent ? 2 : 1
      if (attempt >= attempts || !(await mayTryAgain(settings, error, attempt, deadline))) throw error
    }
  }
}

/** For callers with nothing around it that watches the time. */
export function callWithin(settings: Sender, request: Request, lost?: () => void): Promise<Answer> {
  const { options } = request
  const timeoutMs = options?.timeoutMs ?? settings.timeoutMs
  return within({ ...options, timeoutMs }, (signal) => call(settings, { ...request, signal, timeoutMs }, lost))
}
