import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { AuditCheckpointRow } from '../../database/schema.ts'

/** Checkpoints outside the database: who cuts both tables short is found out by them. */
export function checkpointFile(dataDir: string): string {
  return join(dataDir, 'audit-checkpoints.ndjson')
}

/** Adds a line, and returns when it is on the disk. */
export function appendCheckpoint(path: string, row: AuditCheckpointRow): void {
  const file = openSync(path, 'a', 0o600)
  try {
    const { hash, signature } = row
    const line = { ...row, hash: hash.toString('base64url'), signature: signature.toString('base64url') }
    writeSync(file, `${JSON.stringify(line)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The checkpoints of such a file in their order; null stands for a line that is none. */
export async function* readCheckpoints(path: string): AsyncGenerator<AuditCheckpointRow | null> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
  let unread: string | undefined
  for await (const line of lines) {
    if (unread !== undefined) yield parse(unread)
    unread = line
  }
  const last = unread === undefined || unread === '' ? null : parse(unread)
  // A last line may have been cut short by a crash: then it was never a statement.
  if (last) yield last
}

function parse(line: string): AuditCheckpointRow | null {
  try {
    const row = JSON.parse(line)
    if (typeof row.number !== 'number' || typeof row.body !== 'string') return null
    return { ...row, hash: Buffer.from(row.hash, 'base64url'), signature: Buffer.from(row.signature, 'base64url') }
  } catch {
    return null
  }
}
