import { ConfigError } from './config-error.ts'

const reasons: Record<string, string> = {
  EROFS: 'is on a read-only file system',
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  ENOTDIR: 'lies below something that is no directory',
  EEXIST: 'is no directory',
}
/** What the embedded database says of a file that it did not make. */
const foreign = /_NOTADB$/
/** What it says when it may not write its side files. */
const closed = /_(CANTOPEN|READONLY)/

/** An error of opening what lies in the data directory, as a sentence for the operator; others stay as they are. */
export function explainPlace(error: unknown, dataDir: string): unknown {
  const { code, path } = (error ?? {}) as { code?: string; path?: string }
  if (code === 'EISDIR' || foreign.test(code ?? '')) {
    const problem = code === 'EISDIR' ? `${path} is a directory.` : 'The file is no database, or it is damaged.'
    const remedy = 'Name another file by NTT_AUTH_DATABASE_URL, or restore this one from a backup.'
    return new ConfigError([{ name: 'NTT_AUTH_DATABASE_URL', source: 'the embedded database', problem, remedy }])
  }
  const reason = reasons[code ?? ''] ?? (closed.test(code ?? '') ? 'cannot be opened for writing' : undefined)
  if (error instanceof ConfigError || reason === undefined) return error
  return new ConfigError([
    {
      name: 'NTT_AUTH_DATA_DIR',
      source: dataDir,
      problem: `${path ?? 'The database'} ${reason} (${code}).`,
      remedy: 'Let the user of the server own the data directory, or name another one by NTT_AUTH_DATA_DIR.',
    },
  ])
}
