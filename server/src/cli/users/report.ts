import { statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Outcome } from '../../flows/import-users.ts'
import { UsageError } from '../usage-error.ts'

export type Report = { write(outcomes: Outcome[]): Promise<void>; close(): Promise<void> }

const reasons: Record<string, string> = {
  ENOENT: 'there is no directory for it; make it first, or name another file',
  ENOTDIR: 'there is no directory for it; make it first, or name another file',
  EISDIR: 'it is a directory; name a file in it',
}

/**
 * One JSON object a row, behind what an earlier run has left there. For the owner only: it holds addresses.
 * @param source what is read: rows that are written behind it would be read in turn, without end
 * @throws UsageError where nothing can be written, and for the source itself, by whatever name
 */
export async function openReport(path: string, source: string): Promise<Report> {
  if (isSameFile(path, source)) {
    throw new UsageError(`The report would be written into ${path}, which is what is imported; name another file.`)
  }
  let file: FileHandle
  try {
    file = await open(path, 'a', 0o600)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new UsageError(`The report cannot be written to ${path}: ${reasons[code] ?? `${code}; name another file`}.`)
  }
  return {
    async write(outcomes) {
      try {
        await file.appendFile(outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join(''))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const remedy = 'What was imported stays; make room and run it again, and whoever is there is skipped.'
        throw new Error(`The report cannot be written to ${path} any more (${code}). ${remedy}`)
      }
    },
    close: () => file.close(),
  }
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev
}
