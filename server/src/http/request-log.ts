import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { addressOf } from './caller-address.ts'
import { statusOf } from './request-status.ts'
import { traceOf } from './request-trace.ts'
import type { AnyRoute } from './route.ts'

/** One line for each request. @param route the one that answered, if any */
export function logAnswer(app: App, route: AnyRoute | null, request: FastifyRequest, reply: FastifyReply): void {
  const status = statusOf(reply)
  const level = status !== null && status < 400 && route?.quiet ? 'debug' : 'info'
  if (!app.log.isLevelEnabled(level)) return
  const line = {
    request_id: request.id,
    ...traceOf(request),
    method: request.method,
    // The pattern, not the path: ids and whatever a caller typed stay out of the log.
    route: request.routeOptions?.url ?? 'none',
    status,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ip: addressOf(request),
    ...(isUnfinished(status, reply) && { unfinished: true }),
  }
  app.log[level](line, 'request')
}

/** The caller did not get all of it: it hung up, or was dropped because it did not read. */
function isUnfinished(status: number | null, { raw }: FastifyReply): boolean {
  return status === null || (raw.headersSent && !raw.writableFinished)
}
