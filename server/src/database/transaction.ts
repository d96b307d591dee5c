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
  onGiveUp?: ((error: unknown) => void) | undefined
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
  return repeating(database, (progress) => database.around(() => attempt(database, work, progress)))
}

type Progress = { committing: boolean }

/** Repeats `once`, which writes, while the database is to blame. */
export async function repeating<T>(database: Database, once: (progress: Progress) => Promise<T>): Promise<T> {
  const { dialect, retries, writes } = database
  for (let attempt = 1; ; attempt++) {
    const progress: Progress = { committing: false }
    try {
      const result = await inTurn(database, () => once(progress))
      writes.refusal = null
      return result
    } catch (error) {
      const undone = dialect.isRetryable(error) || (!progress.committing && dialect.isConnectionLost(error))
      if (!undone || attempt >= retries.attempts) {
        if (undone) retries.onGiveUp?.(error)
        if (dialect.refusesWrites(error)) writes.refusal = { error }
        throw error
      }
      retries.onRetry?.(error, attempt)
      await retries.sleep(backoff(attempt, retries.random()))
    }
  }
}

/**
 * Waits while another process is writing, where the database leaves that to us: its own waiting would stop this whole
 * process. The connection is given back in between, so that readers get on.
 */
async function inTurn<T>(database: Database, once: () => Promise<T>): Promise<T> {
  const start = performance.now()
  for (;;) {
    try {
      return await once()
    } catch (error) {
      if (!database.dialect.isBusy(error) || performance.now() - start >= database.turnWait) throw error
      await delay(2 + Math.random() * 18)
    }
  }
}

/** Full jitter between 10 ms and a ceiling that doubles up to 200 ms. */
function backoff(attempt: number, random: number): number {
  return 10 + random * (Math.min(200, 25 * 2 ** attempt) - 10)
}

async function attempt<T>(database: Database, work: (tx: Tx) => Promise<T>, progress: Progress): Promise<T> {
  const mark: TransactionMark = { ended: false }
  const tx = await database.db.startTransaction().execute()
  try {
    const result = await markTransaction(mark, () => work(tx))
    progress.committing = true
    await tx.commit().execute()
    return result
  } catch (error) {
    // A database that failed to commit, or whose disk is full, may have rolled back already: that must hide no error.
    await tx
      .rollback()
      .execute()
      .catch(() => undefined)
    throw error
  } finally {
    mark.ended = true
  }
}
