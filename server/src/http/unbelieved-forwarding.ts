import type { IncomingMessage } from 'node:http'
import type { App } from '../app.ts'
import { proxyTest } from './proxy-test.ts'

/**
 * Counts requests that say by X-Forwarded-For or Forwarded (RFC 7239) for whom they come, from an address that nobody
 * told us to believe. Where no proxy is named at all, the first one is told of: the proxy may have been forgotten, and
 * then everybody shares its limits.
 */
export function unbelievedForwarding(app: App): (request: IncomingMessage) => void {
  const { trustedProxies } = app.config
  const isProxy = proxyTest(trustedProxies)
  let told = trustedProxies.length > 0
  return ({ headers, socket }) => {
    if (headers['x-forwarded-for'] === undefined && headers.forwarded === undefined) return
    if (isProxy(socket.remoteAddress)) return
    app.meter.count('ntt_auth_forwarding_unbelieved_total', {})
    if (told) return
    told = true
    app.log.warn({ event: 'forwarding_unbelieved', from: socket.remoteAddress }, forgotten)
  }
}

const forgotten =
  'A request says that it was forwarded, but NTT_AUTH_TRUSTED_PROXIES names no proxy, so this is not believed. ' +
  'If a proxy of yours is at that address, name it there: until then all clients are taken for one, share one network for ' +
  'throttling, and can lock each other out. If none is, somebody made the header up, and all is well. This is said once.'
