import { generationOf } from '../session/record.ts'
import type { SessionStorage } from './storage.ts'

/** Forgets everything with the process or the page. */
export function memoryStorage(): SessionStorage {
  const records = new Map<string, string>()
  return {
    kind: 'memory',
    atomic: true,
    get: (key) => records.get(key) ?? null,
    advance(key, record, gen) {
      if (generationOf(records.get(key)) >= gen) return false
      records.set(key, record)
      return true
    },
    remove: (key) => void records.delete(key),
  }
}
