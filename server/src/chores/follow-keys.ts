import type { App } from '../app.ts'
import { listSigningKeys } from '../domain/keys/store.ts'

const interval = 5000

/** Takes over signing keys that another node made or moved. */
export function followKeys(app: App): () => void {
  let stopped = false
  const poll = async () => {
    try {
      app.keyring.load(await listSigningKeys(app.database.db))
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
