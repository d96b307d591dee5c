import type { App } from '../app.ts'

type Chore = {
  name: 'sweep' | 'tend_keys' | 'deliver_mail' | 'delete_accounts'
  interval: number
  run: (stopped: () => boolean) => Promise<void>
}

/**
 * Runs a chore again and again, each time a little earlier or later, so that nodes do not come all at once. A failure is
 * logged and counted, and the next run comes all the same. @returns how to stop
 */
export function byTheClock(app: App, { name, interval, run }: Chore): () => void {
  let stopped = false
  let timer: NodeJS.Timeout
  const once = async () => {
    try {
      await run(() => stopped)
      app.meter.set('ntt_auth_chore_last_success_timestamp_seconds', { chore: name }, app.clock.now() / 1000)
    } catch (error) {
      app.meter.count('ntt_auth_chore_failures_total', { chore: name })
      if (!stopped) app.log.error({ err: error, event: 'chore_failed', chore: name })
    }
    schedule()
  }
  const schedule = () => {
    if (stopped) return
    timer = setTimeout(() => app.later(once), interval * (0.75 + Math.random() / 2)).unref()
  }
  schedule()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
