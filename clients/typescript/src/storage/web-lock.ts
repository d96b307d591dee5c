/**
 * Runs `work` under a Web Lock; without one where there are none, where they are forbidden, or where the wait was in
 * vain, because the holder may be a frozen tab.
 * @param giveUp makes of a wait in vain what is thrown, for work that must not be done without the lock
 */
export async function underWebLock<T>(
  name: string,
  waitMs: number,
  work: () => Promise<T>,
  giveUp?: (cause: unknown) => unknown,
): Promise<T> {
  const locks = globalThis.navigator?.locks
  if (!locks) return work()
  let started = false
  try {
    return await locks.request(name, { signal: AbortSignal.timeout(waitMs) }, () => {
      started = true
      return work()
    })
  } catch (error) {
    if (started) throw error
    if (giveUp) throw giveUp(error)
    return work()
  }
}
