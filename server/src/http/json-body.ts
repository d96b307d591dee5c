import type { FastifyInstance } from 'fastify'
import { parseStrictJson } from '../domain/tokens/strict-json.ts'
import { AppError } from '../errors.ts'
import { limits } from './limits.ts'

/** The only bodies this server reads. */
export function readJsonStrictly(server: FastifyInstance): void {
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
