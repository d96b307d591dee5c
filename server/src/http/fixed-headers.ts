import type { ServerResponse } from 'node:http'
import type { App } from '../app.ts'

/** Puts on an answer what every answer carries, errors among them. */
export function headerWriter(app: App): (response: ServerResponse, requestId: string) => void {
  const fixed = fixedHeaders(app.config.publicUrl)
  return (response, requestId) => {
    for (const [name, value] of fixed) response.setHeader(name, value)
    response.setHeader('x-request-id', requestId)
    if (app.readiness.draining()) response.setHeader('connection', 'close')
  }
}

/** @param publicUrl where clients reach the server */
export function fixedHeaders(publicUrl: string): readonly [string, string][] {
  const headers: [string, string][] = [
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
    ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox"],
    ['cross-origin-resource-policy', 'same-origin'],
    ['referrer-policy', 'no-referrer'],
    ['x-frame-options', 'DENY'],
  ]
  if (publicUrl.startsWith('https:')) {
    headers.push(['strict-transport-security', 'max-age=63072000; includeSubDomains'])
  }
  return headers
}
