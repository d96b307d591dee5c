/**
 * Whether this is a worker of a CDN, where no request may wait for what another one began: what that one fetches goes away
 * with it. Then each fetches for itself, and what they find is for all.
 */
export function isEdge(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers'
}
