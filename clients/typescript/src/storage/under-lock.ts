/**
 * Runs `work` under a lock.
 * @param request asks for the lock and runs what it is given under it
 * @param without called when there is no lock to be had; never after `work` was begun
 */
export async function underLock<T>(
  request: (work: () => Promise<T>) => Promise<T>,
  work: () => Promise<T>,
  without: (error: unknown) => T | Promise<T>,
): Promise<T> {
  let started = false
  try {
    return await request(() => {
      started = true
      return work()
    })
  } catch (error) {
    if (started) throw error
    return without(error)
  }
}
