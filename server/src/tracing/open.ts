import type { Logger } from 'pino'
import { packageVersion } from '../package-file.ts'
import { randomToken } from '../random.ts'
import type { Tracing } from './tracing.ts'

/** Starts to trace where that is wanted; the libraries are loaded only then. @throws Error for the operator */
export async function openTracing(wanted: boolean, log: Logger): Promise<Tracing | null> {
  if (!wanted) return null
  const { startTracing } = await import('./start.ts')
  return startTracing(packageVersion(), randomToken(9), (error) => {
    log.warn(
      { event: 'traces_lost', err: error },
      'spans could not be delivered; OTEL_EXPORTER_OTLP_ENDPOINT says where to',
    )
  })
}
