import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { generationOf } from '../session/record.ts'
import type { SessionStorage } from '../storage/storage.ts'
import { underFileLock } from './lock.ts'

export type FileStorageOptions = {
  /** Where the login rests. Default: a file of the user's own, below `~/.config` or what the system has for that. */
  path?: string
}

/**
 * A login in a file that processes share: readable by its owner alone, replaced as a whole, compared and set under a
 * kernel lock.
 * @throws when the directory is open to others
 */
export function fileStorage({ path = defaultPath() }: FileStorageOptions = {}): SessionStorage {
  const file = resolve(path)
  const read = (): Record<string, string> => {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw error
    }
    return parse(text)
  }
  /** @param work what to make of the records; null leaves them as they are */
  const change = async (work: (records: Record<string, string>) => Record<string, string> | null): Promise<boolean> => {
    makeDirectory(dirname(file))
    const done = await underFileLock(`${file}.lock`, 10_000, () => {
      const next = work(read())
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
    get: (key) => read()[key] ?? null,
    advance: (key, record, gen) =>
      change((records) => (generationOf(records[key]) >= gen ? null : { ...records, [key]: record })),
    async remove(key) {
      await change(({ [key]: _removed, ...others }) => others)
    },
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

/** @returns what each key holds; nothing where the file is no such thing, which the first write will replace */
function parse(text: string): Record<string, string> {
  try {
    const value = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Not ours, or half of it: as good as nothing.
  }
  return {}
}

function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return
  const { mode, uid } = statSync(directory)
  const own = uid === process.getuid?.()
  if (mode & 0o022 && !(own || mode & 0o1000)) {
    throw new Error(`Others may write to ${directory}: a login does not rest there. Choose a directory of your own.`)
  }
}

/** A new file beside the old one, then one rename: readers see one or the other, whole. */
function replace(file: string, text: string): void {
  const temporary = `${file}.${randomUUID()}`
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW = 0 } = constants
  const handle = openSync(temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
  try {
    writeSync(handle, text)
    fsyncSync(handle)
    closeSync(handle)
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
}

function nameOf(key: string): string {
  return encodeURIComponent(key).replaceAll('%', '_')
}
