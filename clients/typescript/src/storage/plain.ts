import type { Settings } from '../options.ts'
import type { SessionStorage } from './storage.ts'

/** What the client itself needs of a storage. */
export type KeptStorage = Required<Pick<SessionStorage, 'lock'>> & {
  /**
   * @param follows on a record that others may have read
   * @returns null: it failed, and is kept nowhere, because others would not know of it
   */
  advance(key: string, record: string, gen: number, follows?: boolean): boolean | null | Promise<boolean | null>
  /** Undefined: it could not be read, which says nothing of what is there. */
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  /**
   * Says when another context wrote.
   * @returns removes it
   */
  subscribe(key: string, changed: () => void): (() => void) | undefined
}

/**
 * How the session works on its storage: what `cookies()` gives, and nothing for an application to call.
 * @param troubled told of a storage that fails, where that is made up for
 */
export type Keeping = (
  settings: Pick<Settings, 'storage' | 'storageKey' | 'lock' | 'timeoutMs'>,
  troubled: (error: unknown) => void,
) => KeptStorage

/** As it is: what the storage throws, the call throws that needed it. */
export const plain: Keeping = ({ storage, lock }) => ({
  get: (key) => storage.get(key),
  advance: (key, record, gen) => storage.advance(key, record, gen),
  lock: (key, waitMs, work) => (lock === 'auto' && storage.lock ? storage.lock(key, waitMs, work) : work()),
  subscribe: (key, changed) => storage.subscribe?.(key, changed),
})
