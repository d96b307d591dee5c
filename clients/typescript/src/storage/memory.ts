import { generationOf } from '../session/record.ts'
import type { SessionStorage } from './storage.ts'

/**
 * Forgets everything with the process or the page.
 * @param records by key, for who wants to look into them
 */
export function memoryStorage(records: Map<string, string> = new Map()): SessionStorage {
  return {
    kind: 'memory',
    atomic: true,
    get: (key) => records.get(key) ?? null,
    advance(key, record, gen) {
      if (generationOf(records.get(key)) >= gen) return false
      records.set(key, record)
      return true
    },
  }
}
