import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'

export type ReadFile = (path: string) => { text: string; mode: number }

/** @throws as `node:fs` does */
export const readFile: ReadFile = (path) => {
  const file = openSync(path, 'r')
  try {
    return { text: readFileSync(file, 'utf8'), mode: fstatSync(file).mode }
  } finally {
    closeSync(file)
  }
}

/** A failure of `node:fs` in words. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this user'
  if (code === 'EISDIR') return 'is a directory'
  return `cannot be read (${code ?? (error as Error).message})`
}

/** Whether more than the owner (read, write) and the group (read) may do something with a file. */
export function isTooOpen(mode: number): boolean {
  return (mode & 0o777 & ~0o640) !== 0
}
