import { generationOf } from '../session/record.ts'
import type { SessionStorage } from './storage.ts'

/**
 * `localStorage`, for pages that can use nothing better, in ONE tab at a time: it can neither compare and set nor lock,
 * and two tabs that write at once may look to the server like a thief. Take `indexedDbStorage`.
 */
export function localStorageStorage(): SessionStorage {
  return {
    kind: 'localstorage',
    atomic: false,
    get: (key) => localStorage.getItem(key),
    advance(key, record, gen) {
      if (generationOf(localStorage.getItem(key)) >= gen) return false
      localStorage.setItem(key, record)
      return true
    },
  }
}
