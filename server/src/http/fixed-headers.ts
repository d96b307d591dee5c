/** Headers on every answer, errors among them. @param publicUrl where clients reach the server */
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
