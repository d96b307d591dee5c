import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from '@opentelemetry/api'

/** The span that the running code is part of. */
export type Place = { readonly traceId: string; readonly spanId: string; readonly context: Context }

export const current = new AsyncLocalStorage<Place>()

/** What a log line says about where it belongs. */
export function traceFields(): { trace_id?: string; span_id?: string } {
  const place = current.getStore()
  return place ? { trace_id: place.traceId, span_id: place.spanId } : {}
}

const traceparent = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

/** The trace that a caller names by W3C Trace Context, or null. */
export function traceIdIn(header: unknown): string | null {
  return typeof header === 'string' ? (traceparent.exec(header)?.[1] ?? null) : null
}
