import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { AuditCheckpointRow } from '../../database/schema.ts'

/** Checkpoints outside the database: who cuts both tables short is found out by them. */
export function checkpointFile(dataDir: string): string {
  return join(dataDir, 'audit-checkpoints.ndjson')
}

/** Adds a line, and returns when it is on the disk. */
export function appendCheckpoint(path: string, row: AuditCheckpointRow): void {
  appendCheckpoints(path, [row])
}

/** Adds lines, and returns when they are on the disk. */
export function appendCheckpoints(path: string, rows: AuditCheckpointRow[]): void {
  const file = openSync(path, 'a+', 0o600)
  try {
    // What a crash cut short was never a statement; what follows on it would be none either.
    const end = endOfLines(file)
    if (end !== null) ftruncateSync(file, end)
    const lines = rows.map((row) => {
      const { hash, signature } = row
      return JSON.stringify({ ...row, hash: hash.toString('base64url'), signature: signature.toString('base64url') })
    })
    writeFileSync(file, `${lines.join('\n')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const tail = 64 * 1024

/** The checkpoint in its last whole line that is one. */
export function lastCheckpointIn(path: string): AuditCheckpointRow | null {
  if (!existsSync(path)) return null
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    for (let length = tail; ; length *= 2) {
      const start = Math.max(0, size - length)
      const bytes = Buffer.alloc(size - start)
      const read = readSync(file, bytes, 0, bytes.length, start)
      const lines = bytes.subarray(0, read).toString('utf8').split('\n')
      // The first may be but the end of a line, the last is empty or was cut short by a crash.
      const last = lines.slice(start === 0 ? 0 : 1, -1).findLast((line) => parse(line) !== null)
      if (last !== undefined) return parse(last)
      if (start === 0) return null
    }
  } finally {
    closeSync(file)
  }
}

/** Where the last whole line ends; null where that is the end of the file. */
function endOfLines(file: number): number | null {
  const { size } = fstatSync(file)
  const block = Buffer.alloc(4096)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length)
    const read = readSync(file, block, 0, end - start, start)
    const last = block.subarray(0, read).lastIndexOf('\n')
    if (last >= 0) return start + last + 1 === size ? null : start + last + 1
    end = start
  }
  return size === 0 ? null : 0
}

/** A file of checkpoints as it was when it was opened. */
export type CheckpointCopy = {
  path: string
  /** Its checkpoints in their order; null stands for a line that is none. */
  rows(): AsyncGenerator<AuditCheckpointRow | null>
  close(): Promise<void>
}

/** Takes hold of a copy: of what is appended later, or put in its place, nothing is read. */
export async function openCopy(path: string): Promise<CheckpointCopy> {
  const file = await open(path)
  const { size } = await file.stat()
  return {
    path,
    async *rows() {
      for await (const { text, row, isLast } of linesOf(file, size)) {
        if (row !== null || !(isLast && isCutShort(text))) yield row
      }
    },
    close: () => file.close(),
  }
}

const beginning = '{"number":'

/** The beginning of a checkpoint and no more, as a crash leaves it: then it was never a statement. */
function isCutShort(text: string): boolean {
  return text.startsWith(beginning) || beginning.startsWith(text)
}

/**
 * Whether there is any checkpoint in it. A file of something else is not read to its end: it may be large, and have no
 * lines.
 */
export async function holdsCheckpoints(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(1), position: 0 })
    if (bytesRead === 0 || buffer.toString() !== '{') return false
    const { size } = await file.stat()
    for await (const { row } of linesOf(file, size)) if (row !== null) return true
    return false
  } finally {
    await file.close()
  }
}

/**
 * Takes out the checkpoints that the database does not keep either: they speak of lines that are gone.
 * @param first the oldest checkpoint that is kept
 * @param before only those made before this time
 * @param slack nothing is done before the oldest is older by so much: then much goes at once, and seldom
 * @returns how many went
 */
export async function shortenCheckpoints(
  path: string,
  { first, before, slack }: { first: number; before: number; slack: number },
): Promise<number> {
  const file = await open(path).catch((error) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return 0
  try {
    const { size } = await file.stat()
    const goes = (row: AuditCheckpointRow | null) => row !== null && row.number < first && row.at < before
    if (!(await isLong(file, size, before - slack))) return 0
    return await rewrite(path, linesOf(file, size), goes)
  } finally {
    await file.close()
  }
}

async function isLong(file: FileHandle, size: number, since: number): Promise<boolean> {
  for await (const { row } of linesOf(file, size)) if (row !== null) return row.at < since
  return false
}

async function rewrite(
  path: string,
  lines: AsyncGenerator<Line>,
  goes: (row: Line['row']) => boolean,
): Promise<number> {
  let count = 0
  const fresh = await open(`${path}.new`, 'w', 0o600)
  try {
    for await (const { text, row } of lines) {
      if (goes(row)) count++
      else await fresh.write(`${text}\n`)
    }
    await fresh.sync()
  } finally {
    await fresh.close()
  }
  await rename(`${path}.new`, path)
  const directory = await open(dirname(path))
  await directory.sync().finally(() => directory.close())
  return count
}

type Line = { text: string; row: AuditCheckpointRow | null; isLast: boolean }

async function* linesOf(file: FileHandle, size: number): AsyncGenerator<Line> {
  if (size === 0) return
  const input = file.createReadStream({ encoding: 'utf8', start: 0, end: size - 1, autoClose: false })
  let unread: string | undefined
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (unread !== undefined) yield { text: unread, row: parse(unread), isLast: false }
    unread = text
  }
  if (unread !== undefined) yield { text: unread, row: parse(unread), isLast: true }
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
