import { either, type Patience, unanswered } from './exchange.ts'

/** Waits for what goes on with or without the caller: giving up leaves it, and never stops it. */
export function detach<T>(work: Promise<T>, patience: Patience = {}): Promise<T> {
  if (!patience.signal && patience.timeoutMs === undefined) return work
  const over = either(patience)
  return new Promise((resolve, reject) => {
    const abandon = () => reject(unanswered(over.reason, patience))
    over.addEventListener('abort', abandon)
    if (over.aborted) abandon()
    work.then(resolve, reject).finally(() => over.removeEventListener('abort', abandon))
  })
}
