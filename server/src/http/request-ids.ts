import type { App } from '../app.ts'
import { randomToken } from '../random.ts'

/** A request's id: a proxy's if it is one of ours, else our own; short, because every log line carries it. */
export function requestIds(app: App) {
  const prefix = randomToken(6)
  const fromProxies = app.config.trustedProxies.length > 0
  let count = 0
  return (request: { headers: Record<string, string | string[] | undefined> }): string => {
    const given = request.headers['x-request-id']
    if (fromProxies && typeof given === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(given)) return given
    count++
    return `${prefix}-${count.toString(36)}`
  }
}
