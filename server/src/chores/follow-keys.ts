import type { App } from '../app.ts'

/** In milliseconds; a key is published for longer than this before it signs. */
const interval = 1000

/** Takes over signing keys that another node made or moved. */
export function followKeys(app: App): () => void {
  let stopped = false
  let told: string[] = []
  const tell = () => {
    const unopened = app.keyring.unopened()
    const says = 'no master key here opens this next key: it will not sign, and another one is made to take its place'
    for (const kid of unopened) if (!told.includes(kid)) app.log.warn({ event: 'key_unopened', kid }, says)
    told = unopened
  }
  tell()
  const poll = async () => {
    try {
      await app.keys.read()
      tell()
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
