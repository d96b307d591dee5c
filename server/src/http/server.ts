import type { Socket } from 'node:net'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify'
import type { App } from '../app.ts'
import { addRoute, routeOf } from './add-route.ts'
import { readBodies } from './bodies.ts'
import { answerError, answerNotFound } from './error-answers.ts'
import { headerWriter } from './fixed-headers.ts'
import { limits } from './limits.ts'
import { allowOrigins, nameOrigin } from './origins.ts'
import { proxyTest } from './proxy-test.ts'
import { refusal } from './refusals.ts'
import { countAnswer } from './request-count.ts'
import { tellEnds } from './request-end.ts'
import { requestIds } from './request-ids.ts'
import { logAnswer } from './request-log.ts'
import { traceRequests } from './request-trace.ts'
import { type Place, routes } from './routes.ts'
import { unbelievedForwarding } from './unbelieved-forwarding.ts'
import { answerUnreadable } from './unreadable.ts'
import { closerOfUnused } from './unused-connections.ts'

/** The public listener, ready to listen. @param places other routes than ours, in tests */
export async function createServer(app: App, places: readonly Place[] = routes): Promise<FastifyInstance> {
  const writeHeaders = headerWriter(app)
  const noteForwarding = unbelievedForwarding(app)
  const pending = new WeakMap<Socket, FastifyReply>()
  const server = fastify({
    loggerInstance: app.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger for each request would cost more than the request.
    childLoggerFactory: (logger) => logger,
    trustProxy: app.config.trustedProxies.length > 0 ? proxyTest(app.config.trustedProxies) : false,
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
      writeHeaders(request, reply)
      nameOrigin(app.config.corsOrigins, request.headers.origin, reply.raw)
      reply.raw.once('finish', () => {
        countAnswer(app, null, request, reply)
        logAnswer(app, null, request, reply)
      })
      answerError(app, null, error, request, reply)
    },
    clientErrorHandler: (error, socket) => answerUnreadable(app, error, socket, pending.get(socket)),
    http: {
      maxHeaderSize: limits.headers,
      headersTimeout: limits.headersTimeout,
      connectionsCheckingInterval: limits.timeoutCheck,
      // Node would refuse by an answer of its own; `refusals.ts` does it with one of ours.
      requireHostHeader: false,
    },
  })
  // Nor does an expectation we do not know deserve another kind of answer (RFC 9110 §10.1.1 leaves it to us).
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response))
  server.decorateRequest('caller', null)
  server.decorateRequest('span', null)
  readBodies(server)
  if (app.tracing) traceRequests(server, app.tracing)
  tellEnds(server, app)
  server.addHook('onRequest', (request, reply, done) => {
    pending.set(request.raw.socket, reply)
    noteForwarding(request.raw)
    writeHeaders(request, reply)
    done()
  })
  if (app.config.corsOrigins.length > 0) await allowOrigins(server, app.config.corsOrigins)
  server.addHook('onRequest', (request, reply, done) => {
    const refused = refusal(request.raw)
    // What follows on this connection may be misread just as well.
    if (refused) reply.header('connection', 'close')
    done(refused)
  })
  // They would never end by themselves, and a stop waits for every request.
  const closeUnused = closerOfUnused(server.server)
  server.addHook('preClose', (done) => {
    closeUnused()
    for (const follower of app.followers.all()) follower.end('the server is stopping')
    done()
  })
  server.addHook('onRequest', (request, reply, done) => {
    // Fastify would ask for its Content-Type before it notices that no route takes this method.
    if (request.method === 'QUERY' && request.is404) answerNotFound(app, places, request, reply)
    else done()
  })
  server.setErrorHandler((error, request, reply) => answerError(app, routeOf(request), error, request, reply))
  server.setNotFoundHandler((request, reply) => answerNotFound(app, places, request, reply))
  for (const place of places) addRoute(server, app, places, place)
  return server
}
