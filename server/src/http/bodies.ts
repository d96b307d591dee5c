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
      done(null, wellFormed(parseStrictJson(body as Buffer, limits.jsonDepth)))
    } catch (error) {
      const detail = `The body is not JSON as we read it: ${reasonOf(error as Error)}.`
      done(new AppError('malformed_request', { detail, cause: error }), undefined)
    }
  })
}

/**
 * Refuses strings with half of a surrogate pair (RFC 7493 §2.1): in UTF-8 they all become U+FFFD, so that databases
 * would keep something else than was sent.
 */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string' && !value.isWellFormed()) throw new SyntaxError('A string holds half a character')
  if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      wellFormed(name)
      wellFormed(member)
    }
  }
  return value
}

/** JSON.parse quotes the text around a mistake, and that may be a password. */
function reasonOf({ message }: Error): string {
  const [position] = /at position \d+/.exec(message) ?? []
  if (position !== undefined) return `there is a mistake ${position}`
  return message.includes('JSON') ? 'it does not follow the grammar' : message
}
