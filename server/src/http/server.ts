import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { App } from '../app.ts'
import { addRoute, routeOf } from './add-route.ts'
import { readBodies } from './bodies.ts'
import { answerError, answerNotFound } from './error-answers.ts'
import { headerWriter } from './fixed-headers.ts'
import { limits } from './limits.ts'
import { allowOrigins } from './origins.ts'
import { refusal } from './refusals.ts'
import { requestIds } from './request-ids.ts'
import { logAnswer } from './request-log.ts'
import { type Place, routes } from './routes.ts'
import { answerUnreadable } from './unreadable.ts'

/** The public listener, ready to listen. @param places other routes than ours, in tests */
export async function createServer(app: App, places: readonly Place[] = routes): Promise<FastifyInstance> {
  const writeHeaders = headerWriter(app)
  const server = fastify({
    loggerInstance: app.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: app.config.trustedProxies.length > 0 ? app.config.trustedProxies : false,
    bodyLimit: limits.body,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAlive,
    genReqId: requestIds(app),
    // Idle connections are closed at once, requests under way are finished; `serve.ts` sees to the order.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false },
    // An address that cannot be read meets no hooks.
    frameworkErrors: (error, request, reply) => {
      writeHeaders(reply.raw, request.id)
      reply.raw.once('finish', () => logAnswer(app, null, request, reply))
      answerError(app, null, error, request, reply)
    },
    clientErrorHandler: (error, socket) => answerUnreadable(app, error, socket),
    http: { maxHeaderSize: limits.headers, headersTimeout: limits.headersTimeout, requireHostHeader: true },
  })
  readBodies(server)
  server.addHook('onRequest', (request, reply, done) => {
    writeHeaders(reply.raw, request.id)
    done()
  })
  if (app.config.corsOrigins.length > 0) await allowOrigins(server, app.config.corsOrigins)
  server.addHook('onRequest', (request, _reply, done) => done(refusal(request.raw)))
  server.addHook('onResponse', (request, reply, done) => {
    logAnswer(app, routeOf(request), request, reply)
    done()
  })
  server.setErrorHandler((error, request, reply) => answerError(app, routeOf(request), error, request, reply))
  server.setNotFoundHandler((request, reply) => answerNotFound(app, places, request, reply))
  for (const place of places) addRoute(server, app, place)
  return server
}
