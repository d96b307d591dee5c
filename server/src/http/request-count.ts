import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { statusOf } from './request-status.ts'
import type { AnyRoute } from './route.ts'

/** Each answer with its duration, for the metrics. @param route the one that answered, if any */
export function countAnswer(app: App, route: AnyRoute | null, request: FastifyRequest, reply: FastifyReply): void {
  const labels = {
    http_request_method: request.method as 'GET',
    // The pattern of one of our routes, never the path that somebody typed.
    http_route: route ? request.routeOptions.url! : 'none',
    http_response_status_code: `${statusOf(reply) ?? 'other'}`,
  }
  app.meter.observe('http_server_request_duration_seconds', labels, reply.elapsedTime / 1000)
}
