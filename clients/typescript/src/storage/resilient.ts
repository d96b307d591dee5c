import { generationOf } from '../session/record.ts'
import { memoryStorage } from './memory.ts'
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
    const unwritten = new Map<string, string>()
    const mirror = memoryStorage(unwritten)
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
          (run) => storage.lock(key, waitMs, run),
          work,
          (error) => {
            trouble(error)
            return work()
          },
        ),
      async get(key) {
        const kept = unwritten.get(key)
        try {
          let stored = await storage.get(key)
          if (kept && generationOf(kept) > generationOf(stored)) {
            await storage.advance(key, kept, generationOf(kept))
            stored = await storage.get(key)
          }
          // Another write may have failed meanwhile.
          if (unwritten.get(key) === kept) unwritten.delete(key)
          return stored
        } catch (error) {
          trouble(error)
          return kept
        }
      },
      async advance(key, record, gen, follows) {
        try {
          return await storage.advance(key, record, gen)
        } catch (error) {
          trouble(error)
          // What was never written down is known to nobody else, and may go on here.
          return follows && !unwritten.has(key) ? null : mirror.advance(key, alone(record), gen)
        }
      },
    } satisfies KeptStorage
  }
}
