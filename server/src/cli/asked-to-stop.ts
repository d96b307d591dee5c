import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { hangsOnTerminal } from './asked-to-reload.ts'

/**
 * Waits for the first signal. A second one must not cut off those who are still being answered: supervisors repeat
 * themselves, and a terminal sends Ctrl+C to everybody, who then pass it on.
 * @returns the signal's name
 */
export function askedToStop({ shutdownDelay, shutdownTimeout }: Config, log: Logger): Promise<string> {
  const longest = Math.ceil((shutdownDelay + shutdownTimeout) / 1000)
  const more = `still finishing what is under way, for ${longest} s at most; "kill -9 ${process.pid}" cuts it off`
  return new Promise((resolve) => {
    let asked = false
    const hear = (signal: string) => {
      if (asked) log.warn({ event: 'still_stopping', signal }, more)
      asked = true
      resolve(signal)
    }
    process.on('SIGTERM', hear)
    process.on('SIGINT', hear)
    if (hangsOnTerminal()) process.on('SIGHUP', hear)
  })
}
