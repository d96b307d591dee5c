import { generationOf } from '../session/record.ts'
import { type Keeping, type KeptStorage, plain } from './plain.ts'
import { underLock } from './under-lock.ts'

/**
 * A storage that may fail (private mode, quota, a full disk) with memory behind it: the session goes on, and is written
 * down as soon as that works again. Of two records the higher place counts, of equals the stored one.
 * @param alone makes of a record what only this context will see
 */
export function resilient(alone: (record: string) => string = (record) => record): Keeping {
  return (settings, troubled) => {
    const storage = plain(settings, troubled)
    const mirror = new Map<string, string>()
    let told = false
    const trouble = (error: unknown) => {
      if (told) return
      told = true
      troubled(error)
    }
    return {
      ...storage,
      lock: (key, waitMs, work) =>
        underLock(
          async (run) => storage.lock(key, waitMs, run),
          work,
          (error) => {
            trouble(error)
            return work()
          },
        ),
      async get(key) {
        const kept = mirror.get(key)
        try {
          let stored = await storage.get(key)
          if (kept && generationOf(kept) > generationOf(stored)) {
            await storage.advance(key, kept, generationOf(kept))
            stored = await storage.get(key)
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
    } satisfies KeptStorage
  }
}
