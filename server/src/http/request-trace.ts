import type { FastifyInstance, FastifyRequest } from 'fastify'
import { traceIdIn } from '../tracing/current.ts'
import type { RequestSpan, Tracing } from '../tracing/tracing.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where nobody traces. */
    span: RequestSpan | null
  }
}

/** A span for each request, around everything that it does; `request-end.ts` ends it. */
export function traceRequests(server: FastifyInstance, tracing: Tracing): void {
  server.addHook('onRequest', (request, _reply, done) => {
    request.span = tracing.open(request.method, request.headers)
    request.span.enter(done)
  })
}

/** Where a request belongs, for its line in the log; its caller's trace, where nobody traces here. */
export function traceOf({ span, headers }: FastifyRequest): { trace_id?: string; span_id?: string } {
  if (span) return { trace_id: span.traceId, span_id: span.spanId }
  const traceId = traceIdIn(headers.traceparent)
  return traceId === null ? {} : { trace_id: traceId }
}
