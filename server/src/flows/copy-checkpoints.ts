import type { App } from '../app.ts'
import { openCheckpoint } from '../domain/audit/checkpoint.ts'
import { appendCheckpoints, checkpointFile } from '../domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../domain/audit/checkpoint-keys.ts'
import { listCheckpointsBelow } from '../domain/audit/store.ts'
import { compareCopy } from './compare-copy.ts'

const page = 200

/**
 * Brings this node's copy of the checkpoints up to those in the database, whichever node signed them, so that any node's
 * copy alone shows what was cut off. Only what is signed: a row that somebody put there must not be taken for the last one.
 * To be called by one process at a time, for the workers of a machine share the file.
 * @param stillMine to be called between pages
 * @returns how many were added
 * @throws CopyDisagrees
 */
export async function copyCheckpoints(app: App, stillMine: () => Promise<void>): Promise<number> {
  const path = checkpointFile(app.config.dataDir)
  const good = await signedAbove(app, await compareCopy(app), stillMine)
  const numbers = [...good.keys()]
  // Oldest first, as they were made, and never a whole year of them at once.
  for (let from = numbers.at(-1) ?? 1; from <= (numbers[0] ?? 0); from += page) {
    await stillMine()
    const rows = await listCheckpointsBelow(app.database.db, from + page, page)
    const fresh = rows.filter((row) => row.number >= from && good.get(row.number)?.equals(row.hash))
    if (fresh.length > 0) appendCheckpoints(path, fresh.reverse())
  }
  return good.size
}

/** The hashes of good checkpoints by number, newest first: a new signing key vouches for the former one. */
async function signedAbove(app: App, above: number, stillMine: () => Promise<void>): Promise<Map<number, Buffer>> {
  const trusted = new Map(checkpointKeys(app.masterKeys).known)
  const good = new Map<number, Buffer>()
  for (let below = Number.MAX_SAFE_INTEGER; ; ) {
    await stillMine()
    const rows = await listCheckpointsBelow(app.database.db, below, page)
    for (const row of rows) {
      if (row.number <= above) return good
      if (openCheckpoint(row, trusted).wrong === null) good.set(row.number, row.hash)
    }
    if (rows.length < page) return good
    below = rows.at(-1)!.number
  }
}
