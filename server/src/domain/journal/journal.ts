import { closeSync, fdatasync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { EndReason } from '../../errors.ts'
import { makeDirectory } from '../../make-directory.ts'

/**
 * The journal of ends: a line for every session, or every user's sessions, that ended, and for every signing key that
 * was revoked, or access token that was revoked by itself, kept outside the database. A restored database knows nothing of what ended after the backup; the journal
 * does (`docs/refresh-protocol.md`).
 */
export type End = SessionEnd | { kind: 'token'; id: string; at: number; reason: 'revoked' }
export type SessionEnd = { kind: 'session' | 'user' | 'key'; id: string; at: number; reason: EndReason }

export type Journal = {
  /** Writes the lines before it returns: they survive a crash of this process. They are on the disk within a second. */
  append(ends: End[]): void
  /** Whether this process has written a line for it; of one long ago it may have forgotten that. */
  knows(end: Pick<End, 'kind' | 'id'>): boolean
  /** Every line that is kept, newest first. A line cut short by a crash is passed over. */
  newestFirst(): Iterable<End>
  /** Removes the files whose every line is older. @param before milliseconds since 1970 */
  forget(before: number): void
  close(): void
}

const day = 24 * 60 * 60 * 1000
const mostRemembered = 20_000
const fileShape = /^ends-(\d{4}-\d{2}-\d{2})\.[a-z0-9-]+\.ndjson$/

/**
 * @param directory one file a day and writer lies in it
 * @param writer a name of this process that no other writer in this directory has
 */
export function openJournal(directory: string, writer: string): Journal {
  makeDirectory(directory)
  let open: { date: string; descriptor: number } | null = null
  let syncing: NodeJS.Timeout | null = null
  const written = new Set<string>()

  const descriptorFor = (at: number): number => {
    const date = new Date(at).toISOString().slice(0, 10)
    if (open?.date !== date) {
      if (open) finish(open.descriptor)
      open = { date, descriptor: openSync(join(directory, `ends-${date}.${writer}.ndjson`), 'a', 0o600) }
    }
    return open.descriptor
  }
  const finish = (descriptor: number) => {
    fdatasyncSync(descriptor)
    closeSync(descriptor)
  }
  const remember = (ends: End[]) => {
    for (const { kind, id } of ends) written.add(`${kind} ${id}`)
    for (const oldest of written) {
      if (written.size <= mostRemembered) break
      written.delete(oldest)
    }
  }
  const files = () =>
    readdirSync(directory)
      .filter((name) => fileShape.test(name))
      .sort()
      .reverse()

  return {
    append(ends) {
      if (ends.length === 0) return
      const descriptor = descriptorFor(ends[0]!.at)
      writeSync(descriptor, ends.map((end) => `${JSON.stringify(end)}\n`).join(''))
      remember(ends)
      // One flush a second at most: a logout must not wait for the disk, and only a power cut could tell.
      syncing ??= setTimeout(() => {
        syncing = null
        if (open) fdatasync(open.descriptor, () => {})
      }, 1000).unref()
    },
    knows: ({ kind, id }) => written.has(`${kind} ${id}`),
    *newestFirst() {
      const names = files()
      for (const date of new Set(names.map(dateOf))) {
        const ends = names
          .filter((name) => dateOf(name) === date)
          .flatMap((name) => textOf(join(directory, name)).split('\n').map(parseEnd).reverse())
        // A day may have several writers, one for each start.
        yield* ends.filter((end) => end !== null).sort((one, other) => other.at - one.at)
      }
    },
    forget(before) {
      for (const name of files()) {
        const written = Date.parse(dateOf(name))
        // Another worker on this directory may have been faster.
        if (written + day <= before) rmSync(join(directory, name), { force: true })
      }
    },
    close() {
      if (syncing) clearTimeout(syncing)
      if (open) finish(open.descriptor)
      open = null
    },
  }
}

/** Another worker on this directory may have removed it meanwhile: then every line was old. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function dateOf(name: string): string {
  return fileShape.exec(name)![1]!
}

function parseEnd(line: string): End | null {
  try {
    const end = JSON.parse(line)
    return typeof end?.id === 'string' && typeof end.at === 'number' ? end : null
  } catch {
    return null
  }
}
