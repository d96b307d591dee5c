import { resolve, sep } from 'node:path'
import { parseDatabaseUrl } from '../database/url.ts'
import { ConfigError } from './config-error.ts'

const reasons: Record<string, string> = {
  EROFS: 'is on a read-only file system',
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  ENOENT: 'cannot be made',
  ENOTDIR: 'lies below something that is no directory',
  EEXIST: 'is no directory',
}
/** What the embedded database says of a file that it did not make. */
const foreign = /_NOTADB$/
/** What it says when it may not write its side files. */
const closed = /_(CANTOPEN|READONLY)/

type Places = { dataDir: string; databaseUrl: string }

/**
 * An error of opening what lies in the data directory or in the embedded database, as a sentence for the operator that
 * names the setting to change; others stay as they are.
 */
export function explainPlace(error: unknown, { dataDir, databaseUrl }: Places): unknown {
  if (error instanceof ConfigError) return error
  const { code = '', path } = (error ?? {}) as { code?: string; path?: string }
  const address = parseDatabaseUrl(databaseUrl)
  const file = address.embedded ? resolve(address.path) : null
  const place = path === undefined ? null : resolve(path)
  if (foreign.test(code) || (code === 'EISDIR' && place === file)) {
    const problem = code === 'EISDIR' ? `${path} is a directory.` : 'The file is no database, or it is damaged.'
    const remedy = 'Name another file by NTT_AUTH_DATABASE_URL, or restore this one from a backup.'
    return new ConfigError([{ name: 'NTT_AUTH_DATABASE_URL', source: 'the embedded database', problem, remedy }])
  }
  const wrong = place ?? file
  if (wrong === null) return error
  const problem = problemOf(code, path)
  if (problem === null) return error
  if (meets(wrong, dataDir)) {
    const remedy =
      code === 'EISDIR' || code === 'EEXIST' || code === 'ENOTDIR'
        ? 'Move it away, or name another data directory by NTT_AUTH_DATA_DIR.'
        : 'Let the user of the server own the data directory, or name another one by NTT_AUTH_DATA_DIR.'
    return new ConfigError([{ name: 'NTT_AUTH_DATA_DIR', source: dataDir, problem, remedy }])
  }
  if (file === null || !meets(wrong, file)) return error
  const remedy = 'Let the user of the server own it, or name another file by NTT_AUTH_DATABASE_URL.'
  return new ConfigError([{ name: 'NTT_AUTH_DATABASE_URL', source: file, problem, remedy }])
}

function problemOf(code: string, path: string | undefined): string | null {
  if (code === 'EISDIR') return `${path} is a directory where a file belongs.`
  const reason = reasons[code] ?? (closed.test(code) ? 'cannot be opened for writing' : undefined)
  return reason === undefined ? null : `${path ?? 'The database'} ${reason} (${code}).`
}

/** Whether one of two places lies in the other, or is the other. */
function meets(one: string, other: string): boolean {
  const within = (inner: string, outer: string) => `${inner}${sep}`.startsWith(outer === sep ? sep : `${outer}${sep}`)
  return within(one, other) || within(other, one)
}
