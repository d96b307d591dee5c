import type { FastifyInstance } from 'fastify'
import { parseStrictJson } from '../domain/tokens/strict-json.ts'
import { AppError } from '../errors.ts'
import { routeOf } from './add-route.ts'
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
      refuseInexactNumbers((body as Buffer).toString())
      done(null, value)
    } catch (error) {
      if (error instanceof AppError) return done(error)
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

const stringsAndNumbers = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const longestNumber = 100

/** A number that we would keep and give back as another one (RFC 8259 §6, RFC 7493 §2.2) is refused instead. */
function refuseInexactNumbers(json: string): void {
  for (const [token] of json.matchAll(stringsAndNumbers)) {
    if (token.startsWith('"')) continue
    if (token.length <= longestNumber && digitsOf(token) === digitsOf(String(Number(token)))) continue
    const detail = `The number ${token.slice(0, 40)} is beyond what JSON carries exactly; send it as a string.`
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '', code: 'inexact_number', detail }] })
  }
}

/** The significant digits of a decimal number and where they stand: the same for every way of writing it. */
function digitsOf(number: string): string | null {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number)
  if (!parts) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return '0'
  const place = digits.length - fraction.length + Number(exponent)
  return `${sign}${digits.replace(/0+$/, '')} at ${place}`
}

/** JSON.parse quotes the text around a mistake, and that may be a password. */
function reasonOf({ message }: Error): string {
  const [position] = /at position \d+/.exec(message) ?? []
  if (position !== undefined) return `there is a mistake ${position}`
  return message.includes('JSON') ? 'it does not follow the grammar' : message
}
