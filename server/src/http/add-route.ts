import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { checkBodyType } from './body-type.ts'
import { addressOf } from './caller-address.ts'
import { admit, admitFields } from './guards.ts'
import { Context } from './request-context.ts'
import { type Answer, type AnyRoute, refusalOf } from './route.ts'
import type { Place } from './routes.ts'
import { serializerOf } from './serialize.ts'
import { validatorOf } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who the guard let in; null where nobody needs to say. */
    caller: Awaited<ReturnType<typeof admit>>
  }
}

/** Puts a route in its place: who may call, then what was sent, then the handler, then only what is declared goes out. */
export function addRoute(server: FastifyInstance, app: App, places: readonly Place[], place: Place): void {
  const { method, path, route } = place
  const refusal = refusalOf(route)
  const checkBody = route.body && validatorOf(route.body, 'body', refusal)
  const checkQuery = validatorOf(route.query ?? nothing, 'query', refusal)
  const checkParams = route.params && validatorOf(route.params, 'params', refusal)
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
          request.caller = caller
          return checkBodyType(route, request.raw)
        }
        const caller = admit(app, route, request.headers.authorization, () => addressOf(request))
        if (caller instanceof Promise) {
          caller.then(admitted).then(() => done(), done)
          return
        }
        const reading = admitted(caller)
        if (reading) reading.then(() => done(), done)
        else done()
      } catch (error) {
        done(error as Error)
      }
    },
    // Not async: a promise that resolves to a reply makes Fastify listen for the end of the socket, which doubled the
    // cost of a request and kept it in memory until the next full collection.
    handler(request, reply) {
      if (route.body) checkBody?.(bodyOf(route, request))
      checkQuery(request.query)
      checkParams?.(request.params)
      if (route.fieldPermissions) {
        admitFields(app, route, request.caller!, bodyOf(route, request) as object)
      }
      const context = new Context(app, places, bodyOf(route, request), request, reply)
      const answer = route.handle(context as never, request.caller as never)
      if (answer instanceof Promise) answer.then((settled) => send(reply, settled)).catch((error) => reply.send(error))
      else send(reply, answer)
    },
  })

  function send(reply: FastifyReply, answer: Answer): void {
    if (!serializers.has(answer.status)) throw new Error(`${method} ${path} does not declare ${answer.status}`)
    reply.code(answer.status)
    if (answer.headers) reply.headers(answer.headers)
    // Who asks for the headers only gets no stream that nobody would close.
    if (answer.stream && reply.request.method !== 'HEAD') {
      reply.send(answer.stream())
      return
    }
    const text = answer.written ?? written(answer)
    if (text === undefined) {
      reply.send(answer.body)
      return
    }
    if (!answer.headers?.['content-type']) reply.header('content-type', 'application/json; charset=utf-8')
    reply.send(text)
  }

  function written({ status, body }: Answer): string | undefined {
    return body === undefined ? undefined : serializers.get(status)?.(body)
  }
}

// Routes without a query of their own take none: a parameter that is misspelt never passes silently.
const nothing = { type: 'object', additionalProperties: false }

/** The route that a request was led to, if there was one. */
export function routeOf(request: FastifyRequest): AnyRoute | null {
  return (request.routeOptions.config as { route?: AnyRoute }).route ?? null
}

function bodyOf(route: AnyRoute, request: FastifyRequest): unknown {
  return request.body === undefined && route.bodyOptional ? {} : request.body
}
