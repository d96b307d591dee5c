import { once } from 'node:events'
import { createWriteStream, existsSync, statSync } from 'node:fs'
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
  const stream = createWriteStream(to, { flags: 'wx', mode: 0o600 })
  await once(stream, 'open').catch((error) => explain(error, to))
  return {
    async write(text) {
      if (!stream.write(`${text}\n`)) await once(stream, 'drain')
    },
    async close() {
      stream.end()
      await once(stream, 'close')
    },
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
