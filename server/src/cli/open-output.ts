import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Invocation } from './command.ts'
import { UsageError } from './usage-error.ts'

export type Output = { write(text: string): Promise<void>; close(): Promise<void> }

/**
 * Where lines are exported to: a new file, for the owner only, or standard output. Waits whenever the reader, or the disk,
 * is slower than the database.
 */
export async function openOutput({ print }: Invocation, to: string): Promise<Output> {
  if (to === '-') {
    return {
      async write(text) {
        print(text)
        if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
      },
      close: async () => undefined,
    }
  }
  const file = await open(to, 'wx', 0o600).catch((error) => explain(error, to))
  return fileOutput(file, to)
}

/** A disk that is full must not look like a whole export. */
export function fileOutput(file: FileHandle, to: string): Output {
  return {
    async write(text) {
      try {
        await file.appendFile(`${text}\n`)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        throw new Error(
          `${to} cannot be written any more (${code}): what is there is not all. Make room and run it again.`,
        )
      }
    },
    close: () => file.close(),
  }
}

function explain(error: NodeJS.ErrnoException, to: string): never {
  if (existsSync(to) && statSync(to).isDirectory()) throw new UsageError(`${to} is a directory; name a file in it.`)
  if (error.code === 'EEXIST') throw new UsageError(`${to} exists already; name another file.`)
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    throw new UsageError(`There is no directory for ${to}; make it first, or name another file.`)
  }
  throw new Error(`${to} cannot be written (${error.code}).`)
}
