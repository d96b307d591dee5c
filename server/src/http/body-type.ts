import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import { readNeedlessBody } from './needless-body.ts'
import type { AnyRoute } from './route.ts'

const shapes = {
  // JSON is UTF-8 (RFC 8259 §8.1); who names another charset means another text than we would read.
  'application/json': /^application\/json *(; *charset="?utf-8"? *)?$/i,
  'application/x-www-form-urlencoded': /^application\/x-www-form-urlencoded *(; *charset="?utf-8"? *)?$/i,
}

/**
 * Decides by the headers alone whether the body is one that the route takes. Nothing else is read: a page on another
 * site can make a browser send every other type without asking us first.
 * @returns a promise only where something came that is not asked for, and has to be looked at
 * @throws AppError `malformed_request` for a body where none belongs, `unsupported_media_type`
 */
export function checkBodyType(route: AnyRoute, request: IncomingMessage): Promise<void> | undefined {
  const { headers } = request
  const isSent = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (!route.body && isSent) {
    const isJson = shapes['application/json'].test(headers['content-type'] ?? '')
    return readNeedlessBody(request, isJson).then(() => forget(headers))
  }
  if (!isSent && (!route.body || route.bodyOptional)) return forget(headers)
  if (!shapes[route.bodyType ?? 'application/json'].test(headers['content-type'] ?? '')) {
    const detail = `Send "Content-Type: ${route.bodyType ?? 'application/json'}", in UTF-8.`
    throw new AppError('unsupported_media_type', { detail })
  }
  return undefined
}

const ofBodies = ['content-type', 'content-length', 'transfer-encoding'] as const

/** Many clients name a type and send nothing: then there is nothing to parse. */
function forget(headers: IncomingMessage['headers']): undefined {
  for (const name of ofBodies) {
    if (headers[name] !== undefined) delete headers[name]
  }
}
