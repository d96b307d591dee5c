import { generationOf } from '../session/record.ts'
import type { SessionStorage } from './storage.ts'

/** What the client itself needs of a storage. */
export type KeptStorage = Required<Pick<SessionStorage, 'get' | 'advance' | 'lock'>> & Pick<SessionStorage, 'subscribe'>

/**
 * A storage that may fail (private mode, quota, a full disk) with memory behind it: the session goes on, and is written
 * down as soon as that works again. Of two records the higher place counts, of equals the stored one.
 * @param locking whether to use the lock of the storage, if it has one
 * @param troubled called once, the first time it fails
 * @param alone makes of a record what only this context will see
 */
export function resilient(
  storage: SessionStorage,
  locking: boolean,
  troubled: (error: unknown) => void,
  alone: (record: string) => string = (record) => record,
): KeptStorage {
  const mirror = new Map<string, string>()
  let told = false
  const trouble = (error: unknown) => {
    if (told) return
    told = true
    troubled(error)
  }
  return {
    ...(storage.subscribe && { subscribe: (key, changed) => storage.subscribe!(key, changed) }),
    async lock<T>(key: string, waitMs: number, work: () => Promise<T>): Promise<T> {
      if (!locking || !storage.lock) return work()
      let started = false
      try {
        return await storage.lock(key, waitMs, () => {
          started = true
          return work()
        })
      } catch (error) {
        if (started) throw error
        trouble(error)
        return work()
      }
    },
    async get(key) {
      const kept = mirror.get(key) ?? null
      try {
        const stored = await storage.get(key)
        if (kept !== null && generationOf(kept) > generationOf(stored)) {
          const written = await storage.advance(key, kept, generationOf(kept))
          mirror.delete(key)
          return written ? kept : storage.get(key)
        }
        mirror.delete(key)
        return stored
      } catch (error) {
        trouble(error)
        return kept
      }
    },
    async advance(key, record, gen) {
      try {
        return await storage.advance(key, record, gen)
      } catch (error) {
        trouble(error)
        if (generationOf(mirror.get(key)) >= gen) return false
        mirror.set(key, alone(record))
        return true
      }
    },
  }
}
