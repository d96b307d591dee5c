import type { App } from '../app.ts'
import type { Db, Tx } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import { deleteRemovedKeys, listRemovedKeys } from '../domain/keys/store.ts'
import { deleteOneTimeTokenRows, listOneTimeTokensExpiredBefore } from '../domain/links/store.ts'
import { deleteMailRows, listMailExpiredBefore } from '../domain/outbox/store.ts'
import { deleteRevocationRows, listRevocationsLapsedBefore } from '../domain/revocations/store.ts'
import { deleteSecretRows, listSecretsExpiredBefore } from '../domain/services/store.ts'
import { deleteSessionRows, listSessionsExpiredBefore } from '../domain/sessions/store.ts'
import {
  deleteBucketRows,
  deleteGuessRows,
  listBucketsEmptyBefore,
  listGuessesForgottenBefore,
} from '../domain/throttling/store.ts'

const day = 24 * 60 * 60 * 1000

export type SweptTable =
  | 'sessions'
  | 'revocations'
  | 'one_time_tokens'
  | 'service_secrets'
  | 'signing_keys'
  | 'outbox'
  | 'guesses'
  | 'buckets'

type Sweep = {
  /** Rows that were due before a time, oldest first; read without a lock. */
  due(db: Db, before: number, limit: number): Promise<{ id: string; due_at: number | null }[]>
  remove(tx: Tx, ids: string[], before: number): Promise<number>
  /** How long a row stays after it was due, in milliseconds. */
  stay: number
}

/**
 * What is removed, and when; by the clock of the database as well as by this node's. Of a session nothing is removed before its longest life is over, however early it ended:
 * its devices ask why, and the journal of ends is compared with it (`docs/refresh-protocol.md`).
 */
const sweeps: Record<SweptTable, Sweep> = {
  sessions: { due: listSessionsExpiredBefore, remove: deleteSessionRows, stay: day },
  revocations: { due: listRevocationsLapsedBefore, remove: deleteRevocationRows, stay: day },
  one_time_tokens: { due: listOneTimeTokensExpiredBefore, remove: deleteOneTimeTokenRows, stay: day },
  service_secrets: { due: listSecretsExpiredBefore, remove: deleteSecretRows, stay: 30 * day },
  outbox: { due: listMailExpiredBefore, remove: deleteMailRows, stay: 7 * day },
  signing_keys: { due: listRemovedKeys, remove: deleteRemovedKeys, stay: 180 * day },
  guesses: { due: listGuessesForgottenBefore, remove: deleteGuessRows, stay: 0 },
  // Clocks differ: a bucket is empty on every node before it goes.
  buckets: { due: listBucketsEmptyBefore, remove: deleteBucketRows, stay: 60_000 },
}

export const sweptTables = Object.keys(sweeps) as SweptTable[]

const [smallest, largest] = [10, 500]

/** How many rows a batch may have, so that it takes no longer than it may; learnt from batch to batch. */
export type Pace = { rows: number }

export function newPace(): Pace {
  return { rows: 100 }
}

/**
 * Removes one small batch of rows that are due. They are found without a lock and removed by their primary key, so that
 * nobody who reads or writes other rows has to wait.
 * @param budget how long a batch may take, in milliseconds
 * @param tell is told how many it were, and whether there may be more
 * @returns whether there may be more
 */
export async function sweepBatch(
  app: App,
  table: SweptTable,
  pace: Pace,
  budget: number,
  tell?: (removed: number, more: boolean) => void,
): Promise<boolean> {
  const { due, remove, stay } = sweeps[table]
  const began = performance.now()
  const before = (await app.time.earlier()) - stay
  const rows = await due(app.database.db, before, pace.rows)
  if (rows.length === 0) return false
  const asked = pace.rows
  const ids = rows.map(({ id }) => id)
  const removed = await inTransaction(app.database, (tx) => remove(tx, ids, before))
  const took = performance.now() - began
  pace.rows = Math.round(Math.min(largest, Math.max(smallest, took > budget ? asked / 2 : asked * 1.5)))
  app.meter.count('ntt_auth_cleanup_deleted_rows_total', { table }, removed)
  app.meter.observe('ntt_auth_cleanup_batch_seconds', { table }, took / 1000)
  const more = rows.length === asked
  tell?.(removed, more)
  return more
}

/** How many rows are due, and since when the oldest has been. @param most where counting stops */
export async function countDue(
  app: App,
  table: SweptTable,
  most: number,
): Promise<{ rows: number; since: number | null }> {
  const { due, stay } = sweeps[table]
  const rows = await due(app.database.db, (await app.time.earlier()) - stay, most)
  const [oldest] = rows
  return { rows: rows.length, since: oldest?.due_at == null ? null : oldest.due_at + stay }
}

/** Writes down for the metrics for how long the oldest row has been due: it grows where a cleanup never comes. */
export async function measureBacklog(app: App): Promise<void> {
  const now = await app.time.earlier()
  for (const table of sweptTables) {
    const { due, stay } = sweeps[table]
    const before = now - stay
    const [oldest] = await due(app.database.db, before, 1)
    const seconds = oldest ? (before - (oldest.due_at ?? before)) / 1000 : 0
    app.meter.set('ntt_auth_oldest_expired_row_seconds', { table }, seconds)
  }
}
