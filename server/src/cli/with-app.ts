import { type App, createApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import { AppError, catalogue, type ErrorDetails } from '../errors.ts'
import { createLog } from '../log.ts'
import { bringSchema } from '../start.ts'
import type { Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom } from './load-config.ts'
import { tellOfNew } from './tell-of-new.ts'

/**
 * Runs a command that works on the database by itself, whether or not a server runs beside it.
 * @returns the exit code: that of the work, or that of the refusal, which is told in a sentence
 */
export async function withApp(invocation: Invocation, work: (app: App) => Promise<number>): Promise<number> {
  const config = configFrom(invocation)
  tellOfNew(config, invocation.tell)
  const app = await createApp(config, createLog('error'), systemClock)
  try {
    await bringSchema(app)
    return await work(app)
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    const { title, remedy } = catalogue[error.code]
    invocation.tell(fieldsInWords(error.details) ?? error.details.detail ?? `${title}. ${remedy}`)
    if (error.code === 'not_found') return exitCodes.notFound
    return error.code === 'validation_failed' ? exitCodes.usage : exitCodes.failed
  } finally {
    await app.close()
  }
}

/** What routes call `/query/created_after` is the option `--created-after` here. */
function fieldsInWords({ errors }: ErrorDetails): string | undefined {
  return errors
    ?.map(({ pointer, detail }) => {
      const [field] = pointer
        .replace(/^\/query/, '')
        .split('/')
        .filter(Boolean)
      return field === undefined ? detail : `--${field.replaceAll('_', '-')}: ${detail}`
    })
    .join(' ')
}
