import type { App } from '../app.ts'
import { readFormats } from '../flows/know-formats.ts'

/** In milliseconds: an import takes longer, and nobody can look for its users before it has begun. */
const interval = 20_000

/** Hears of password hashes that were imported elsewhere. @returns how to stop */
export function followFormats(app: App): () => void {
  let stopped = false
  const read = async () => {
    try {
      await readFormats(app)
    } catch (error) {
      app.log.error({ err: error, event: 'formats_unreadable' })
    }
    if (!stopped) timer = setTimeout(read, interval).unref()
  }
  let timer = setTimeout(read, interval).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
