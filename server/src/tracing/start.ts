import type { IncomingHttpHeaders } from 'node:http'
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { getNumberFromEnv, setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { bounded } from './bounded.ts'
import { current, type Place } from './current.ts'
import { checkProtocol, samplerFromEnvironment } from './environment.ts'
import type { Lost, Tracing } from './tracing.ts'

/** How long a stop waits for the collector, and how often at most a loss is told; milliseconds. */
const [patience, quiet] = [2000, 60_000]

/**
 * Starts to send spans by OTLP over HTTP. Where to, how many and how often is said by the variables of OpenTelemetry
 * itself (`OTEL_EXPORTER_OTLP_*`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
 * @param onLoss hears that spans could not be delivered
 * @throws Error with a sentence for the operator
 */
export function startTracing(version: string, instance: string, onLoss: (error: unknown) => void): Tracing {
  checkProtocol(process.env)
  const ours = { 'service.name': 'ntt-auth', 'service.version': version, 'service.instance.id': instance }
  const tell = seldom(onLoss)
  let closed = false
  let observe: (spans: number, why: Lost) => void = () => {}
  const provider = new TracerProvider({
    sampler: samplerFromEnvironment(process.env),
    resource: defaultResource()
      .merge(resourceFromAttributes(ours))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      bounded(new OTLPTraceExporter(), queue(), (spans, why, error) => {
        observe(spans, why)
        if (error !== undefined && !closed) tell(error)
      }),
    ],
  })
  const tracer = provider.getTracer('ntt-auth', version)
  setGlobalErrorHandler((error) => {
    if (!closed) tell(error)
  })

  return {
    open(method, headers) {
      const caller = propagator.extract(ROOT_CONTEXT, headers, fromHeaders)
      const attributes = { 'http.request.method': method }
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, caller)
      const place = placeOf(span)
      return {
        traceId: place.traceId,
        spanId: place.spanId,
        enter: (work) => current.run(place, work),
        end(route, status) {
          if (status !== null) span.setAttribute('http.response.status_code', status)
          if (route !== null) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
          if (status !== null && status >= 500)
            span.setAttribute('error.type', `${status}`).setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },

    async within(name, work) {
      const place = current.getStore()
      if (!isSampled(place)) return work()
      const span = tracer.startSpan(name, {}, place.context)
      try {
        return await current.run(placeOf(span), work)
      } catch (error) {
        // Its message may name what must not leave.
        span.setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    },

    past(name, milliseconds, { attributes = {}, failed = false, ago = 0 } = {}) {
      const place = current.getStore()
      if (!isSampled(place)) return
      const end = Date.now() - ago
      const kind = 'db.operation.name' in attributes ? SpanKind.CLIENT : SpanKind.INTERNAL
      const span = tracer.startSpan(name, { kind, attributes, startTime: end - milliseconds }, place.context)
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(end)
    },

    onLost(observer) {
      observe = observer
    },

    async close() {
      const late = Promise.withResolvers<never>()
      const why = new Error('the collector had not taken every span when the server stopped')
      const timer = setTimeout(() => late.reject(why), patience)
      await Promise.race([provider.shutdown(), late.promise]).catch(tell)
      clearTimeout(timer)
      // The libraries may go on trying; nobody wants to hear of it.
      closed = true
    },
  }
}

const propagator = new W3CTraceContextPropagator()
const fromHeaders = {
  get: (headers: IncomingHttpHeaders, name: string) => headers[name],
  keys: (headers: IncomingHttpHeaders) => Object.keys(headers),
}

function placeOf(span: Span): Place {
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId, context: trace.setSpan(ROOT_CONTEXT, span) }
}

function isSampled(place: Place | undefined): place is Place {
  return place !== undefined && (trace.getSpanContext(place.context)!.traceFlags & TraceFlags.SAMPLED) !== 0
}

/** Spans that wait are few, whatever happens to the collector; what does not fit is dropped. */
function queue() {
  const size = getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE')
  const batch = getNumberFromEnv('OTEL_BSP_MAX_EXPORT_BATCH_SIZE')
  const pause = getNumberFromEnv('OTEL_BSP_SCHEDULE_DELAY')
  const limit = getNumberFromEnv('OTEL_BSP_EXPORT_TIMEOUT')
  return {
    maxQueueSize: size || 2048,
    ...(batch && { maxExportBatchSize: batch }),
    ...(pause && { scheduledDelayMillis: pause }),
    ...(limit && { exportTimeoutMillis: limit }),
  }
}

function seldom(tell: (error: unknown) => void): (error: unknown) => void {
  let told = Number.NEGATIVE_INFINITY
  return (error) => {
    if (performance.now() - told < quiet) return
    told = performance.now()
    tell(error)
  }
}
