import { type ErrorCode, type ErrorDetails, NetworkError } from '../errors/errors.ts'
import { checkLike } from '../options.ts'

export type Wait = { signal?: AbortSignal | null | undefined; timeoutMs: number }

/**
 * Waits for `work` until the caller gives up, or for `timeoutMs`. What heeds the signal ends then; what others need too
 * goes on.
 */
export function within<T>({ signal, timeoutMs }: Wait, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    checkLike('timeoutMs', timeoutMs, 1)
    if (signal) checkLike('signal', signal, { addEventListener: checkLike })
    const over = new AbortController()
    const giveUp = (code: ErrorCode, message: string, details: ErrorDetails) => {
      const error = new NetworkError(code, message, details)
      reject(error)
      over.abort(error)
    }
    const timer = setTimeout(giveUp, timeoutMs, 'timeout', `No answer within ${timeoutMs} ms.`, { retryable: true })
    const aborted = () => giveUp('aborted', 'Aborted.', { cause: signal!.reason })
    signal?.addEventListener('abort', aborted)
    if (signal?.aborted) aborted()
    work(over.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', aborted)
      })
  })
}
