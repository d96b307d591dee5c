import type { FastifyInstance } from 'fastify'
import { parseStrictJson } from '../domain/tokens/strict-json.ts'
import { AppError } from '../errors.ts'
import { limits } from './limits.ts'

/** The only bodies this server reads. */
export function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    const fields = [...new URLSearchParams(body as string)]
    const names = new Set(fields.map(([name]) => name))
    // RFC 6749 §3.1: a parameter must not come twice.
    if (names.size < fields.length) done(new AppError('malformed_request', { detail: 'A parameter came twice.' }))
    else done(null, Object.fromEntries(fields))
  })
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(body as Buffer, limits.jsonDepth))
    } catch (error) {
      const detail = `The body is not JSON as we read it: ${(error as Error).message}.`
      done(new AppError('malformed_request', { detail, cause: error }), undefined)
    }
  })
}
