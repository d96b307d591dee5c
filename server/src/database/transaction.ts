import { setTimeout as delay } from 'node:timers/promises'
import type { Database, Tx } from './connect.ts'
import { insideTransaction, markTransaction, type TransactionMark } from './current-transaction.ts'

/** How transactions are repeated; replaceable in tests. */
export type Retries = {
  attempts: number
  sleep(milliseconds: number): Promise<unknown>
  /** From 0 up to, not including, 1. */
  random(): number
  onRetry?: ((error: unknown, attempt: number) => void) | undefined
}

export const defaultRetries: Retries = { attempts: 5, sleep: delay, random: Math.random }

/**
 * Runs `work` in one transaction and commits it. The whole function is repeated when the database undid it (deadlock,
 * lost certification, busy, connection broken before COMMIT), so it must touch nothing but the database.
 *
 * A connection that breaks during COMMIT leaves the outcome unknown: that error reaches the caller.
 */
export async function inTransaction<T>(database: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (insideTransaction()) throw new Error('A transaction must not be started inside another one.')
  return repeating(database, (progress) => attempt(database, work, progress))
}

/** What went wrong first; a failing ROLLBACK must not hide it. */
type Progress = { failure?: unknown; committing: boolean }

/** Repeats `once` while the database is to blame. */
export async function repeating<T>(database: Database, once: (progress: Progress) => Promise<T>): Promise<T> {
  const { dialect, retries } = database
  for (let attempt = 1; ; attempt++) {
    const progress: Progress = { committing: false }
    try {
      return await once(progress)
    } catch (thrown) {
      const error = progress.failure ?? thrown
      const undone = dialect.isRetryable(error) || (!progress.committing && dialect.isConnectionLost(error))
      if (!undone || attempt >= retries.attempts) throw error
      retries.onRetry?.(error, attempt)
      await retries.sleep(backoff(attempt, retries.random()))
    }
  }
}

/** Full jitter between 10 ms and a ceiling that doubles up to 200 ms. */
function backoff(attempt: number, random: number): number {
  return 10 + random * (Math.min(200, 25 * 2 ** attempt) - 10)
}

async function attempt<T>(database: Database, work: (tx: Tx) => Promise<T>, progress: Progress): Promise<T> {
  const mark: TransactionMark = { ended: false }
  try {
    return await database.db.transaction().execute(async (tx) => {
      try {
        const result = await markTransaction(mark, () => work(tx))
        progress.committing = true
        return result
      } catch (error) {
        progress.failure = error
        throw error
      }
    })
  } finally {
    mark.ended = true
  }
}
