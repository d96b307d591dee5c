import { cutOff, either } from './exchange.ts'

/** Waits for what goes on with or without the caller: giving up leaves it, and never stops it. */
export function detach<T>(work: Promise<T>, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
  const { signal, timeoutMs } = options
  if (!signal && timeoutMs === undefined) return work
  const over = either(timeoutMs, signal)
  return new Promise((resolve, reject) => {
    const abandon = () => {
      reject(cutOff(over.reason, signal?.aborted ? undefined : timeoutMs))
    }
    if (over.aborted) return abandon()
    over.addEventListener('abort', abandon)
    work.then(resolve, reject).finally(() => over.removeEventListener('abort', abandon))
  })
}
