import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import type { AnyRoute } from './route.ts'

const shapes = {
  // JSON is UTF-8 (RFC 8259 §8.1); who names another charset means another text than we would read.
  'application/json': /^application\/json *(; *charset="?utf-8"? *)?$/i,
  'application/x-www-form-urlencoded': /^application\/x-www-form-urlencoded *(; *charset="?utf-8"? *)?$/i,
}

/**
 * Decides by the headers alone whether the body is one that the route takes. Nothing else is read: a page on another
 * site can make a browser send every other type without asking us first.
 * @throws AppError `malformed_request` for a body where none belongs, `unsupported_media_type`
 */
export function checkBodyType(route: AnyRoute, request: IncomingMessage): void {
  const { headers } = request
  const isSent = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (!route.body && isSent) throw new AppError('malformed_request', { detail: 'This route takes no body.' })
  if (!isSent && (!route.body || route.bodyOptional)) {
    // Many clients name a type and send nothing: then there is nothing to parse.
    if (headers['content-type'] !== undefined) delete headers['content-type']
    return
  }
  if (!shapes[route.bodyType ?? 'application/json'].test(headers['content-type'] ?? '')) {
    const detail = `Send "Content-Type: ${route.bodyType ?? 'application/json'}", in UTF-8.`
    throw new AppError('unsupported_media_type', { detail })
  }
}
