import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { routeOf } from './add-route.ts'
import { countAnswer } from './request-count.ts'
import { logAnswer } from './request-log.ts'
import { statusOf } from './request-status.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Its end was counted and logged. */
    isTold: boolean
  }
}

/** Counts, logs and traces the end of each request once: its answer is out, or its caller was gone before that. */
export function tellEnds(server: FastifyInstance, app: App): void {
  server.decorateRequest('isTold', false)
  const tell = (request: FastifyRequest, reply: FastifyReply) => {
    if (request.isTold) return
    request.isTold = true
    const route = routeOf(request)
    countAnswer(app, route, request, reply)
    logAnswer(app, route, request, reply)
    // The pattern, not the path: ids and whatever a caller typed stay here.
    request.span?.end(route ? request.routeOptions.url! : null, statusOf(reply))
  }
  server.addHook('onRequest', (request, reply, done) => {
    app.meter.activeRequests++
    // Node knows the address of a closed socket only if somebody asked for it while it was open.
    void request.raw.socket.remoteAddress
    // Also where no answer was finished, because the caller hung up: `onResponse` does not run then.
    reply.raw.once('close', () => {
      app.meter.activeRequests--
      tell(request, reply)
    })
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    tell(request, reply)
    done()
  })
}
