/** Where a session rests between calls and between runs. */
export type SessionStorage = {
  /** Shown by `diagnostics()`. */
  readonly kind: string
  /** False: it cannot compare and set, so it serves one tab or process at most. */
  readonly atomic: boolean
  /** Two storage objects with the same id hold the same records. */
  readonly id?: string
  /**
   * The record as it was written; null where there is none.
   * @throws what keeps it from being read
   */
  get(key: string): string | null | Promise<string | null>
  /**
   * Writes only if the stored record's `gen` is lower than the new one's (absent or unreadable counts as lower),
   * atomically with the comparison. `generationOf` reads it.
   * @returns false when the record was dropped
   */
  advance(key: string, record: string, gen: number): boolean | Promise<boolean>
  /**
   * Runs `work` while no other context does, or after `waitMs` without that: the lock saves requests, and nothing rests
   * on it. Never stolen.
   */
  lock?<T>(key: string, waitMs: number, work: () => Promise<T>): Promise<T>
  /** Says when another context wrote. */
  subscribe?(key: string, changed: () => void): () => void
}
