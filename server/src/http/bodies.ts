import type { FastifyInstance } from 'fastify'
import { parseStrictJson } from '../domain/tokens/strict-json.ts'
import { AppError } from '../errors.ts'
import { routeOf } from './add-route.ts'
import { inexactNumber, wellFormed } from './exact-values.ts'
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
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    // Chunks may turn out to hold nothing, which headers cannot tell.
    if (body.length === 0 && routeOf(request)?.bodyOptional) return done(null, undefined)
    try {
      const value = wellFormed(parseStrictJson(body as Buffer, limits.jsonDepth))
      const number = inexactNumber((body as Buffer).toString())
      done(number === null ? null : refusedNumber(number), value)
    } catch (error) {
      const detail = `The body is not JSON as we read it: ${reasonOf(error as Error)}.`
      done(new AppError('malformed_request', { detail, cause: error }), undefined)
    }
  })
}

function refusedNumber(number: string): AppError {
  const detail = `The number ${number} is beyond what JSON carries exactly; send it as a string.`
  return new AppError('validation_failed', { detail, errors: [{ pointer: '', code: 'inexact_number', detail }] })
}

/** JSON.parse quotes the text around a mistake, and that may be a password. */
function reasonOf({ message }: Error): string {
  const [position] = /at position \d+/.exec(message) ?? []
  if (position !== undefined) return `there is a mistake ${position}`
  return message.includes('JSON') ? 'it does not follow the grammar' : message
}
