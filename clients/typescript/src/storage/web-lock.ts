import { underLock } from './under-lock.ts'

/**
 * Runs `work` under a Web Lock; without one where there are none, where they are forbidden, or where the wait was in
 * vain, because the holder may be a frozen tab.
 * @param without called instead where the wait was in vain, for work that must not be done without the lock
 */
export async function underWebLock<T>(
  name: string,
  waitMs: number,
  work: () => Promise<T>,
  without: (error: unknown) => T | Promise<T> = work,
): Promise<T> {
  const locks = globalThis.navigator?.locks
  if (!locks) return work()
  return underLock((run) => locks.request(name, { signal: AbortSignal.timeout(waitMs) }, run), work, without)
}
