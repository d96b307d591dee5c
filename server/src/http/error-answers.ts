import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { wantsPlainJson } from './oauth-errors.ts'
import { answerPreflight, isPreflight } from './origins.ts'
import { asAppError, headersOf, problemOf } from './problems.ts'
import { type AnyRoute, errorsOf } from './route.ts'
import type { Place } from './routes.ts'

/** @param route null before a route was found: then every error of the catalogue may be answered */
export function answerError(
  app: App,
  route: AnyRoute | null,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  let error = asAppError(thrown)
  if (error.code === 'internal_error' && reply.raw.destroyed && isAbort(thrown)) {
    app.log.info({ request_id: request.id }, 'the caller hung up')
    return reply.hijack()
  }
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
  if (route?.errorPage && /\btext\/html\b/.test(request.headers.accept ?? '')) {
    const header = (name: string) => request.headers[name] as string | undefined
    const { body, headers } = route.errorPage(error, { body: request.body, query: request.query, header })
    return reply
      .code(error.status)
      .headers({ ...headersOf(error), ...headers })
      .send(body)
  }
  const problem = problemOf(error, request.id, `${app.config.publicUrl}/docs/errors`, route?.oauth)
  reply.code(error.status).headers(headersOf(error))
  if (route?.oauth && wantsPlainJson(request.headers.accept))
    reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(JSON.stringify(problem))
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError'
}

/** For what matches no route: a browser's question beforehand is answered where the path is known; else 405 where the path is known by other methods, else 404. */
export function answerNotFound(app: App, places: readonly Place[], request: FastifyRequest, reply: FastifyReply) {
  const [path] = request.url.split('?')
  const here = places.filter(({ path: pattern }) => matches(pattern, path!))
  if (here.length === 0) return answerError(app, null, new AppError('not_found'), request, reply)
  const methods = [...new Set(here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
  if (isPreflight(request, reply)) return answerPreflight(reply, methods)
  reply.header('allow', methods.join(', '))
  return answerError(app, null, new AppError('method_not_allowed'), request, reply)
}

function matches(pattern: string, path: string): boolean {
  const [expected, given] = [pattern.split('/'), path.split('/')]
  if (expected.length !== given.length) return false
  return expected.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]))
}
