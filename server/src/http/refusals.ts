import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import { limits } from './limits.ts'

const onceOnly = ['authorization', 'host', 'refresh-key', 'content-type']
const bits = new Map(onceOnly.map((name, index) => [name, 1 << index]))

/** What two readers of one request could understand differently is refused before anything looks at it. */
export function refusal({ rawHeaders, url, headers, httpVersion }: IncomingMessage): AppError | undefined {
  if (url !== undefined && url.length > limits.url) return new AppError('uri_too_long')
  if (headers.host === undefined && httpVersion === '1.1') {
    return new AppError('malformed_request', { detail: 'The header Host is missing (RFC 9112 §3.2).' })
  }
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return new AppError('malformed_request', { detail: 'The only Transfer-Encoding here is chunked.' })
  }
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    const bit = bits.get(name)
    if (bit === undefined) continue
    if (seen & bit) return new AppError('malformed_request', { detail: `The header ${name} was sent twice.` })
    seen |= bit
  }
  return undefined
}
