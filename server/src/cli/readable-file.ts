import { accessSync, constants, statSync } from 'node:fs'
import { fileProblem } from '../config/read-file.ts'
import { UsageError } from './usage-error.ts'

/** @throws UsageError for what is no file that this user may read */
export function refuseUnreadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
    if (statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new UsageError(`There is no file ${path}. Name one that can be read.`)
    }
    throw new UsageError(`${path} ${fileProblem(error)}. Name a file that can be read.`)
  }
}
