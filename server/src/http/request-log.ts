import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { addressOf } from './caller-address.ts'
import { traceOf } from './request-trace.ts'
import type { AnyRoute } from './route.ts'

/** One line for each answer. @param route the one that answered, if any */
export function logAnswer(app: App, route: AnyRoute | null, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode } = reply
  const level = statusCode < 400 && route?.quiet ? 'debug' : 'info'
  if (!app.log.isLevelEnabled(level)) return
  const line = {
    request_id: request.id,
    ...traceOf(request),
    method: request.method,
    // The pattern, not the path: ids and whatever a caller typed stay out of the log.
    route: request.routeOptions?.url ?? 'none',
    status: statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ip: addressOf(request),
  }
  app.log[level](line, 'request')
}
