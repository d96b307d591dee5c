import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import type { Caller } from '../flows/authenticate.ts'
import { actOf } from './act-of.ts'
import { checkBodyType } from './body-type.ts'
import { addressOf } from './caller-address.ts'
import { admit, admitFields } from './guards.ts'
import type { AnyRoute } from './route.ts'
import type { Place } from './routes.ts'
import { serializerOf } from './serialize.ts'
import { validatorOf } from './validation.ts'

/** Puts a route in its place: who may call, then what was sent, then the handler, then only what is declared goes out. */
export function addRoute(server: FastifyInstance, app: App, places: readonly Place[], place: Place): void {
  const { method, path, route } = place
  const checkBody = route.body && validatorOf(route.body, 'body')
  const checkQuery = validatorOf(route.query ?? nothing, 'query')
  const checkParams = route.params && validatorOf(route.params, 'params')
  const serializers = new Map(
    Object.entries(route.answers).map(([status, { schema }]) => [Number(status), schema && serializerOf(schema)]),
  )
  server.route({
    method,
    url: path,
    config: { route } as never,
    // Before the body is read: who may not call has no business sending one.
    preParsing: (request, _reply, _payload, done) => {
      try {
        const admitted = (caller: Awaited<ReturnType<typeof admit>>) => {
          callers.set(request, caller)
          checkBodyType(route, request.raw)
        }
        const caller = admit(app, route, request.headers.authorization)
        if (caller instanceof Promise) {
          caller.then(admitted).then(() => done(), done)
          return
        }
        admitted(caller)
        done()
      } catch (error) {
        done(error as Error)
      }
    },
    handler: async (request, reply) => {
      if (route.body) checkBody?.(bodyOf(route, request))
      checkQuery(request.query)
      checkParams?.(request.params)
      if (route.fieldPermissions) {
        admitFields(app, route, callers.get(request) as Caller, bodyOf(route, request) as object)
      }
      const context = {
        app,
        places,
        body: bodyOf(route, request),
        query: request.query,
        params: request.params,
        header: (name: string) => single(request.headers[name]),
        get ip() {
          return addressOf(request)
        },
        get act() {
          return actOf(callers.get(request), addressOf(request), request.id)
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

// Routes without a query of their own take none: a parameter that is misspelt never passes silently.
const nothing = { type: 'object', additionalProperties: false }
const callers = new WeakMap<FastifyRequest, Awaited<ReturnType<typeof admit>>>()

/** The route that a request was led to, if there was one. */
export function routeOf(request: FastifyRequest): AnyRoute | null {
  return (request.routeOptions.config as { route?: AnyRoute }).route ?? null
}

function bodyOf(route: AnyRoute, request: FastifyRequest): unknown {
  return request.body === undefined && route.bodyOptional ? {} : request.body
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** Aborts when the caller hangs up before it got its answer. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}
