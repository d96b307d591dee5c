import type { App } from '../app.ts'
import { mayBeGone, openCheckpoint } from '../domain/audit/checkpoint.ts'
import { checkpointFile, lastCheckpointIn } from '../domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../domain/audit/checkpoint-keys.ts'
import { type AuditCheckpointRow, findLastCheckpoint, listCheckpointsBelow } from '../domain/audit/store.ts'

/** The database does not hold what this node has seen signed: it was put back, or somebody has altered it. */
export class CopyDisagrees extends Error {}

/**
 * Holds this node's copy of the checkpoints against the database. A checkpoint names the one before, so that the last
 * stands for all. What is signed over a disagreement would make whatever the database says now the truth.
 * @returns the number of the last checkpoint in the copy; 0: there is none
 * @throws CopyDisagrees
 */
export async function compareCopy(app: App): Promise<number> {
  const path = checkpointFile(app.config.dataDir)
  const copied = lastCheckpointIn(path)
  if (copied === null) return 0
  const { number, hash, signature } = copied
  const [here] = await listCheckpointsBelow(app.database.db, number + 1, 1)
  const isThere = here?.number === number
  if (isThere && here.hash.equals(hash) && here.signature.equals(signature)) return number
  if (!isThere && (await wasRemoved(app, copied))) return number
  const trouble = isThere
    ? `checkpoint ${number} in the database is not the one in ${path}`
    : `${path} has checkpoint ${number}, and the database does not`
  throw new CopyDisagrees(
    `The audit log was put back to a former state, or altered: ${trouble}. This node signs no checkpoint over it. See ` +
      `"ntt-auth audit verify"; if you restored a backup, move that file away, and keep it.`,
  )
}

/** Whether the retention took it, as was signed: this node was away for as long. */
async function wasRemoved(app: App, copied: AuditCheckpointRow): Promise<boolean> {
  const last = await findLastCheckpoint(app.database.db)
  if (!last) return false
  const { body, wrong } = openCheckpoint(last, new Map(checkpointKeys(app.masterKeys).known))
  return wrong === null && mayBeGone(copied, body)
}
