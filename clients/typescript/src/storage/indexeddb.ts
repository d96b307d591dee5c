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
  let opened: Promise<IDBDatabase> | undefined
  const database = () => {
    opened ??= open(name, () => {
      opened = undefined
    })
    return opened
  }
  const transact = async <T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore, done: (value: T) => void) => void,
  ) => {
    let transaction: IDBTransaction
    try {
      transaction = (await database()).transaction(table, mode)
    } catch (error) {
      // The browser closed the connection, for example after a long sleep: the next try opens it anew.
      if ((error as Error)?.name !== 'InvalidStateError') throw error
      opened = undefined
      transaction = (await database()).transaction(table, mode)
    }
    return new Promise<T>((resolve, reject) => {
      let result: T
      transaction.oncomplete = () => resolve(result)
      transaction.onabort = () => reject(transaction.error)
      work(transaction.objectStore(table), (value) => {
        result = value
      })
    })
  }
  const channelOf = (key: string) => `ntt-auth:${name}:${key}`
  return {
    kind: 'indexeddb',
    atomic: true,
    id: `indexeddb:${name}`,
    get: (key) =>
      transact<string | null>('readonly', (store, done) => {
        const request = store.get(key)
        request.onsuccess = () => done(request.result ?? null)
      }),
    async advance(key, record, gen) {
      const written = await transact<boolean>('readwrite', (store, done) => {
        const request = store.get(key)
        request.onsuccess = () => {
          const newer = generationOf(request.result) < gen
          if (newer) store.put(record, key)
          done(newer)
        }
      })
      if (written) announce(channelOf(key), gen)
      return written
    },
    remove: (key) => transact<void>('readwrite', (store) => void store.delete(key)),
    lock: (key, waitMs, work) => underWebLock(channelOf(key), waitMs, work),
    subscribe(key, changed) {
      if (!globalThis.BroadcastChannel) return () => undefined
      const channel = new BroadcastChannel(channelOf(key))
      channel.onmessage = changed
      // Where this is no browser, it must not keep a process alive.
      ;(channel as { unref?: () => void }).unref?.()
      return () => channel.close()
    },
  }
}

function announce(channelName: string, gen: number): void {
  if (!globalThis.BroadcastChannel) return
  const channel = new BroadcastChannel(channelName)
  channel.postMessage({ gen })
  channel.close()
}

function open(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => void request.result.createObjectStore(table)
    request.onerror = () => {
      closed()
      reject(request.error)
    }
    request.onsuccess = () => {
      const database = request.result
      database.onclose = closed
      database.onversionchange = () => {
        database.close()
        closed()
      }
      resolve(database)
    }
  })
}
