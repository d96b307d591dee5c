import type { ServerResponse } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** What a client needs: without the challenge it cannot tell our 401 from somebody else's, and would not refresh. */
const exposed = ['WWW-Authenticate', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'Date', 'X-Request-Id']

/** Lets pages of these origins call us from a browser; compared as whole strings. */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    exposedHeaders: exposed,
    // Only a path that exists is worth a yes: `answerPreflight`.
    preflight: false,
  })
  if (origins.includes('*')) return
  // So that a page may ask with its cookie. Never for every origin at once, which browsers refuse as well.
  server.addHook('onRequest', (_request, reply, done) => {
    if (reply.getHeader('access-control-allow-origin') !== undefined) {
      reply.header('access-control-allow-credentials', 'true')
    }
    done()
  })
}

/** The same for an answer that no hook has seen. */
export function nameOrigin(origins: readonly string[], origin: string | undefined, response: ServerResponse): void {
  if (origins.length === 0) return
  const any = origins.includes('*')
  if (!any) response.appendHeader('vary', 'Origin')
  if (!any && !(origin !== undefined && origins.includes(origin))) return
  response.setHeader('access-control-allow-origin', any ? '*' : origin!)
  response.setHeader('access-control-expose-headers', exposed.join(', '))
  if (!any) response.setHeader('access-control-allow-credentials', 'true')
}

/** Does a browser ask whether a page may call? Whether its origin may, `allowOrigins` has put into the answer. */
export function isPreflight(request: FastifyRequest, reply: FastifyReply): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers.origin !== undefined &&
    request.headers['access-control-request-method'] !== undefined &&
    reply.getHeader('access-control-allow-origin') !== undefined
  )
}

/** @param methods what the path knows */
export function answerPreflight(reply: FastifyReply, methods: readonly string[]): FastifyReply {
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': 'Authorization, Content-Type, Refresh-Key, X-Request-Id',
      'access-control-max-age': '600',
    })
    .send()
}
