import { STATUS_CODES } from 'node:http'
import { isIP, type Socket } from 'node:net'
import cors from '@fastify/cors'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { App } from '../app.ts'
import { parseStrictJson } from '../domain/tokens/strict-json.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { randomToken } from '../random.ts'
import { admit } from './guards.ts'
import { asAppError, headersOf, problemOf } from './problems.ts'
import { type AnyRoute, errorsOf } from './route.ts'
import { type Place, routes } from './routes.ts'
import { serializerOf } from './serialize.ts'
import { validatorOf } from './validation.ts'

const limits = {
  body: 64 * 1024,
  headers: 16 * 1024,
  url: 2048,
  jsonDepth: 16,
  /** Milliseconds for a request to arrive; a slow sender must not keep a place. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAlive: 65_000,
}

/** The public listener, ready to listen. @param places other routes than ours, in tests */
export async function createServer(app: App, places: readonly Place[] = routes): Promise<FastifyInstance> {
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
    frameworkErrors: (error, request, reply) => answerError(app, null, error, request, reply),
    clientErrorHandler: (error, socket) => answerUnreadable(app, error, socket),
    http: { maxHeaderSize: limits.headers, headersTimeout: limits.headersTimeout, requireHostHeader: true },
  })
  readJsonStrictly(server)
  const fixed = fixedHeaders(app)
  server.addHook('onRequest', (request, reply, done) => {
    for (const [name, value] of fixed) reply.raw.setHeader(name, value)
    reply.raw.setHeader('x-request-id', request.id)
    if (app.readiness.draining()) reply.raw.setHeader('connection', 'close')
    done(refusal(request))
  })
  if (app.config.corsOrigins.length > 0) await allowOrigins(server, app.config.corsOrigins)
  server.addHook('onResponse', (request, reply, done) => {
    logAnswer(app, request, reply)
    done()
  })
  server.setErrorHandler((error, request, reply) => answerError(app, routeOf(request), error, request, reply))
  server.setNotFoundHandler((request, reply) => answerNotFound(app, places, request, reply))
  for (const place of places) addRoute(server, app, place)
  return server
}

function addRoute(server: FastifyInstance, app: App, { method, path, route }: Place): void {
  const checkBody = route.body && validatorOf(route.body, 'body')
  const checkQuery = validatorOf(route.query ?? nothing, 'query')
  const checkParams = route.params && validatorOf(route.params, 'params')
  const serializers = new Map(
    Object.entries(route.answers).map(([status, { schema }]) => [Number(status), schema && serializerOf(schema)]),
  )
  // A browser or a proxy may add a query to a page's address; our own parameters are checked, others are refused.
  server.route({
    method,
    url: path,
    config: { route } as never,
    // Before the body is read: who may not call has no business sending one.
    preParsing: (request, _reply, _payload, done) => {
      try {
        callers.set(request, admit(app, route, request.headers.authorization))
        done()
      } catch (error) {
        done(error as Error)
      }
    },
    handler: async (request, reply) => {
      if (route.body) checkBody?.(bodyOf(route, request))
      checkQuery(request.query)
      checkParams?.(request.params)
      const context = {
        app,
        body: bodyOf(route, request),
        query: request.query,
        params: request.params,
        header: (name: string) => single(request.headers[name]),
        get ip() {
          return addressOf(request)
        },
        get signal() {
          return hangUpSignal(reply)
        },
      }
      const answer = await route.handle(context as never, callers.get(request) as never)
      if (!serializers.has(answer.status)) throw new Error(`${method} ${path} does not declare ${answer.status}`)
      reply.code(answer.status)
      if (answer.headers) reply.headers(answer.headers)
      if (answer.body === undefined) return reply.send()
      const serialize = serializers.get(answer.status)
      if (!serialize) return reply.send(answer.body)
      if (!answer.headers?.['content-type']) reply.header('content-type', 'application/json; charset=utf-8')
      return reply.send(serialize(answer.body))
    },
  })
}

const nothing = { type: 'object', additionalProperties: false }
const callers = new WeakMap<FastifyRequest, ReturnType<typeof admit>>()

function routeOf(request: FastifyRequest): AnyRoute | null {
  return (request.routeOptions.config as { route?: AnyRoute }).route ?? null
}

function bodyOf(route: AnyRoute, request: FastifyRequest): unknown {
  if (!route.body) return undefined
  if (request.body !== undefined) return request.body
  if (route.bodyOptional) return {}
  throw new AppError('unsupported_media_type')
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** The caller's address; what a proxy claims is believed only if it is an address. */
function addressOf(request: FastifyRequest): string {
  return isIP(request.ip) ? request.ip : (request.socket.remoteAddress ?? 'unknown')
}

/** Aborts when the caller hangs up before it got its answer. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}

function readJsonStrictly(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(body as Buffer, limits.jsonDepth))
    } catch (error) {
      const detail = `The body is not JSON as we read it: ${(error as Error).message}.`
      done(new AppError('malformed_request', { detail, cause: error }), undefined)
    }
  })
}

/** Headers on every answer, errors among them. */
function fixedHeaders(app: App): [string, string][] {
  const headers: [string, string][] = [
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
    ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox"],
    ['cross-origin-resource-policy', 'same-origin'],
    ['referrer-policy', 'no-referrer'],
    ['x-frame-options', 'DENY'],
  ]
  if (app.config.publicUrl.startsWith('https:')) {
    headers.push(['strict-transport-security', 'max-age=63072000; includeSubDomains'])
  }
  return headers
}

async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Refresh-Key', 'X-Request-Id'],
    exposedHeaders: ['Retry-After', 'Date', 'X-Request-Id'],
    maxAge: 600,
    strictPreflight: false,
  })
}

const onceOnly = new Set(['authorization', 'host', 'refresh-key', 'content-type'])

/** What two readers of one request could understand differently is refused before anything looks at it. */
function refusal(request: FastifyRequest): AppError | undefined {
  const { rawHeaders, url } = request.raw
  if (url !== undefined && url.length > limits.url) return new AppError('uri_too_long')
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (!onceOnly.has(name) && !onceOnly.has(name.toLowerCase())) continue
    const bit = bits[name.toLowerCase()]!
    if (seen & bit) return new AppError('malformed_request', { detail: `The header ${name} was sent twice.` })
    seen |= bit
  }
  return undefined
}

const bits = Object.fromEntries([...onceOnly].map((name, index) => [name, 1 << index]))

/** A request's id: a proxy's if it is one of ours, else our own; short, because every log line carries it. */
function requestIds(app: App) {
  const prefix = randomToken(6)
  const fromProxies = app.config.trustedProxies.length > 0
  let count = 0
  return (request: { headers: Record<string, string | string[] | undefined> }): string => {
    const given = request.headers['x-request-id']
    if (fromProxies && typeof given === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(given)) return given
    count++
    return `${prefix}-${count.toString(36)}`
  }
}

function answerError(
  app: App,
  route: AnyRoute | null,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  let error = asAppError(thrown)
  const { isUnavailable, isRetryable } = app.database.dialect
  if (error.code === 'internal_error' && (isUnavailable(thrown) || isRetryable(thrown))) {
    app.log.error({ request_id: request.id, err: thrown }, 'database unavailable')
    error = new AppError('unavailable', { retryAfter: 1, cause: thrown })
  }
  if (route && !errorsOf(route).includes(error.code)) {
    app.log.error({ request_id: request.id, code: error.code }, 'undeclared answer')
    error = new AppError('internal_error', { cause: thrown })
  }
  if (error.status === 500) app.log.error({ request_id: request.id, err: error.details.cause }, 'internal error')
  const problem = problemOf(error, request.id, `${app.config.publicUrl}/docs/errors`)
  return reply.code(error.status).headers(headersOf(error)).send(JSON.stringify(problem))
}

function answerNotFound(app: App, places: readonly Place[], request: FastifyRequest, reply: FastifyReply) {
  const [path] = request.url.split('?')
  const here = places.filter(({ path: pattern }) => matches(pattern, path!))
  if (here.length === 0) return answerError(app, null, new AppError('not_found'), request, reply)
  const methods = [...new Set(here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
  reply.header('allow', methods.join(', '))
  return answerError(app, null, new AppError('method_not_allowed'), request, reply)
}

function matches(pattern: string, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')]
  if (expected.length !== given.length) return false
  return expected.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]))
}

const unreadable: Record<string, ErrorCode> = { HPE_HEADER_OVERFLOW: 'headers_too_large' }

/** What Node could not even read as HTTP; there is no request to answer, only a socket. */
function answerUnreadable(app: App, failure: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || failure.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const error = new AppError(unreadable[failure.code ?? ''] ?? 'malformed_request')
  const body = JSON.stringify(problemOf(error, randomToken(6), `${app.config.publicUrl}/docs/errors`))
  const headers = { ...headersOf(error), 'content-length': Buffer.byteLength(body), connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`)
}

function logAnswer(app: App, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode } = reply
  const quiet = statusCode < 400 && routeOf(request)?.quiet
  if (!app.log.isLevelEnabled(quiet ? 'debug' : 'info')) return
  const line = {
    request_id: request.id,
    method: request.method,
    // The pattern, not the path: ids and whatever a caller typed stay out of the log.
    route: request.routeOptions.url ?? 'none',
    status: statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ip: addressOf(request),
  }
  if (quiet) app.log.debug(line, 'request')
  else app.log.info(line, 'request')
}
