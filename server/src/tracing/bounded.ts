import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Lost } from './tracing.ts'

type Limits = Omit<ConstructorParameters<typeof BatchSpanProcessor>[0], 'exporter'> & { maxQueueSize: number }

/**
 * Sends spans in batches. Those that wait are few, whatever happens to the collector; the library drops the rest in
 * silence, so it is counted here what it has been handed and has not passed on yet.
 * @param lose hears of every loss; `error` only where the queue was full
 */
export function bounded(
  exporter: SpanExporter,
  limits: Limits,
  lose: (spans: number, why: Lost, error?: Error) => void,
): SpanProcessor {
  let waiting = 0
  const counting: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length
      exporter.export(spans, (result: ExportResult) => {
        if (result.code !== ExportResultCode.SUCCESS) lose(spans.length, 'undelivered')
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
  const batches = new BatchSpanProcessor({ ...limits, exporter: counting })
  return {
    onStart: (span, context) => batches.onStart(span, context),
    onEnd(span: ReadableSpan) {
      if (waiting >= limits.maxQueueSize) {
        const full = `${limits.maxQueueSize} spans wait for the collector, and no more may (OTEL_BSP_MAX_QUEUE_SIZE)`
        return lose(1, 'queue_full', new Error(full))
      }
      waiting++
      batches.onEnd(span)
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  }
}
