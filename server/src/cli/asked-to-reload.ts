import { isatty } from 'node:tty'
import type { Logger } from 'pino'
import { ConfigError } from '../config/config-error.ts'

/** Whether SIGHUP says that the terminal this was started in is gone. Everywhere else it asks to read settings anew. */
export function hangsOnTerminal(): boolean {
  return isatty(0)
}

/**
 * On SIGHUP takes the log level from the configuration as it is now. A configuration that is wrong changes nothing, and
 * ends nothing.
 * @param read the configuration anew; throws `ConfigError`
 * @param pass is called as well: whoever has started others tells them
 */
export function reloadOnHangup(log: Logger, read: () => { logLevel: string }, pass: () => void = () => {}): void {
  if (hangsOnTerminal()) return
  process.on('SIGHUP', () => {
    try {
      const { logLevel } = read()
      log.level = logLevel
      log.info({ event: 'reloaded', log_level: logLevel }, 'the log level was read anew; other settings need a restart')
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      log.error({ event: 'reload_refused' }, error.message)
    }
    pass()
  })
}
