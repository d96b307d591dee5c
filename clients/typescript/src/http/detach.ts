import { NetworkError } from '../errors/errors.ts'

/** Waits for what goes on with or without the caller: giving up leaves it, and never stops it. */
export function detach<T>(work: Promise<T>, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
  const { signal, timeoutMs } = options
  if (!signal && timeoutMs === undefined) return work
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const over = AbortSignal.any([signal, timeout].filter((each) => each !== undefined))
  return new Promise((resolve, reject) => {
    const abandon = () => {
      const late = over.reason === timeout?.reason
      const message = late ? `No answer within ${timeoutMs} ms.` : 'The call was aborted.'
      reject(new NetworkError(late ? 'timeout' : 'aborted', message, { cause: over.reason, retryable: late }))
    }
    if (over.aborted) return abandon()
    over.addEventListener('abort', abandon)
    work.then(resolve, reject).finally(() => over.removeEventListener('abort', abandon))
  })
}
