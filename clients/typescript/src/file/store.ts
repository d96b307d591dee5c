import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { check, isText } from '../check.ts'
import { generationOf } from '../session/record.ts'
import type { SessionStorage } from '../storage/storage.ts'
import { underFileLock } from './lock.ts'

/** Where `fileStorage` writes. */
export type FileStorageOptions = {
  /** Where the login rests. Default: a file of the user's own, below `~/.config` or what the system has for that. */
  path?: string | undefined
}

/**
 * A login in a file that processes share: readable by its owner alone, replaced as a whole, compared and set under a
 * kernel lock.
 * @throws ConfigurationError for options that it does not understand; each call throws when others may write to the directory
 */
export function fileStorage(options: FileStorageOptions = {}): SessionStorage {
  check('fileStorage', options, { path: isText })
  const { path = defaultPath() } = options
  const file = resolve(path)
  let tidied = false
  const read = (): Contents => {
    try {
      refusePlanted(file)
      return parse(readFileSync(file, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: {} }
      throw error
    }
  }
  /** @param work what to make of the records; null leaves them as they are */
  const change = async (work: (records: Record<string, string>) => Record<string, string> | null): Promise<boolean> => {
    makeDirectory(dirname(file))
    const done = await underFileLock(`${file}.lock`, 10_000, () => {
      if (!tidied) removeLeftovers(file)
      tidied = true
      const { records, bad } = read()
      const next = work(records)
      if (bad) copyFileSync(file, `${file}.bad`)
      if (next) replace(file, `${JSON.stringify(next, null, 1)}\n`)
      return next !== null
    })
    // Only a process that was stopped in the middle holds it for so long. What is not written is asked for again.
    if (!done) throw new Error(`The lock on ${file} could not be had within 10 s.`)
    return done.result
  }
  return {
    kind: 'file',
    atomic: true,
    id: `file:${file}`,
    get(key) {
      const { records, bad } = read()
      if (bad === 'broken') throw new Error(`${file} broke off, or was changed by hand.`)
      return records[key] ?? null
    },
    advance: (key, record, gen) =>
      change((records) => (generationOf(records[key]) >= gen ? null : { ...records, [key]: record })),
    async lock(key, waitMs, work) {
      makeDirectory(dirname(file))
      // Not the lock of the writes: those who wait for an answer must not keep others from writing.
      const done = await underFileLock(`${file}.${nameOf(key)}.refresh.lock`, waitMs * 2, work)
      return done ? done.result : work()
    },
  }
}

function defaultPath(): string {
  const { APPDATA, XDG_CONFIG_HOME } = process.env
  return join(APPDATA ?? XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'ntt-auth', 'sessions.json')
}

/** What each key holds. `bad`: the file is half of one of ours, or none; the first write replaces it, and keeps a copy. */
type Contents = { records: Record<string, string>; bad?: 'broken' | 'foreign' }

function parse(text: string): Contents {
  try {
    const value = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { records: value }
  } catch {
    // Somebody may be logged in there: this says nothing.
    if (/^[\s\0\ufeff]*({|$)/.test(text)) return { records: {}, bad: 'broken' }
  }
  return { records: {}, bad: 'foreign' }
}

/** What those left who were killed while they wrote. Only who holds the lock writes, so nobody is writing now. */
function removeLeftovers(file: string): void {
  const directory = dirname(file)
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (
      path.startsWith(`${file}.`) &&
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(path.slice(file.length + 1))
    ) {
      unlinkSync(path)
    }
  }
}

/** Where others may make a file, it counts who made it: whoever reads a login of somebody else's works as that user. */
function refusePlanted(file: string): void {
  if (process.platform === 'win32' || !(statSync(dirname(file)).mode & 0o022)) return
  if (statSync(file).uid === process.getuid?.()) return
  throw new Error(`${file} belongs to another user, in a directory where others may write.`)
}

function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return
  const { mode, uid } = statSync(directory)
  // A group may be the owner's alone; all the world is not. The sticky bit keeps others from replacing a file.
  const open = uid === process.getuid?.() ? 0o002 : 0o022
  if (mode & open && !(mode & 0o1000)) {
    throw new Error(`Others may write to ${directory}: a login does not rest there. Choose a directory of your own.`)
  }
}

/** A new file beside the old one, then one rename: readers see one or the other, whole. */
function replace(file: string, text: string): void {
  const temporary = `${file}.${randomUUID()}`
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW = 0 } = constants
  const handle = openSync(temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
  try {
    try {
      // All of it, or an error: on a full disk a single write may take a part.
      writeFileSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, file)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
}

function nameOf(key: string): string {
  return encodeURIComponent(key).replaceAll('%', '_')
}
