import type { App } from '../app.ts'

/** In milliseconds; a key is published for longer than this before it signs. */
const interval = 1000

/** Takes over signing keys that another node made or moved. */
export function followKeys(app: App): () => void {
  let stopped = false
  const poll = async () => {
    try {
      await app.keys.read()
    } catch (error) {
      app.log.error({ err: error, event: 'keys_unreadable' })
    }
    if (!stopped) timer = setTimeout(poll, interval).unref()
  }
  let timer = setTimeout(poll, interval).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
