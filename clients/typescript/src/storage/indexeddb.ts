import { within } from '../http/within.ts'
import { generationOf } from '../session/record.ts'
import type { SessionStorage } from './storage.ts'
import { underWebLock } from './web-lock.ts'

const table = 'records'

/**
 * The store of browsers: compares and sets in one transaction, locks by Web Locks, and tells other tabs by a
 * BroadcastChannel that something was written (never what).
 * @param name of the database
 */
export function indexedDbStorage(name = 'ntt-auth'): SessionStorage {
  /** How long an answer is waited for; less after none came, for a call may need several. */
  let patience = 2000
  const open = () =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => void request.result.createObjectStore(table)
      request.onerror = () => reject(request.error)
      request.onsuccess = () => resolve(request.result)
    })
  /**
   * Reads a record and, in the same transaction, does with it what is to be done. Opens the database for it alone: a
   * connection that is kept dies in a long sleep, stands in the way of whoever deletes the database, and may keep a page
   * out of the back/forward cache.
   */
  const transact = <T>(
    mode: IDBTransactionMode,
    key: string,
    work: (found: string | undefined, store: IDBObjectStore) => T,
  ): Promise<T> =>
    // Some browsers say nothing at all now and then, neither yes nor no, until it is opened anew.
    within({ timeoutMs: patience }, async () => {
      const database = await open()
      return new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(table, mode)
        const store = transaction.objectStore(table)
        const request = store.get(key)
        let result: T
        request.onsuccess = () => {
          result = work(request.result, store)
        }
        transaction.oncomplete = () => {
          patience = 2000
          resolve(result)
        }
        transaction.onabort = () => reject(transaction.error)
      }).finally(() => database.close())
    }).catch((error) => {
      patience = 200
      throw error
    })
  const channelName = (key: string) => `ntt-auth:${name}:${key}`
  const channel = (key: string) => (globalThis.BroadcastChannel ? new BroadcastChannel(channelName(key)) : undefined)
  return {
    kind: 'indexeddb',
    atomic: true,
    id: `indexeddb:${name}`,
    get: (key) => transact('readonly', key, (found) => found ?? null),
    async advance(key, record, gen) {
      const written = await transact('readwrite', key, (found, store) => {
        const newer = generationOf(found) < gen
        if (newer) store.put(record, key)
        return newer
      })
      if (written) {
        const others = channel(key)
        others?.postMessage({ gen })
        others?.close()
      }
      return written
    },
    lock: (key, waitMs, work) => underWebLock(channelName(key), waitMs, work),
    subscribe(key, changed) {
      const others = channel(key)
      if (others)
        others.onmessage = changed
        // Where this is no browser, it must not keep a process alive.
      ;(others as { unref?: () => void } | undefined)?.unref?.()
      return () => others?.close()
    },
  }
}
