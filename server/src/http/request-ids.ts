import type { IncomingMessage } from 'node:http'
import type { App } from '../app.ts'
import { randomToken } from '../random.ts'
import { proxyTest } from './proxy-test.ts'

const shape = /^[A-Za-z0-9_-]{1,64}$/

/** A request's id: that of a proxy of ours if it sent one, else our own; short, because every log line carries it. */
export function requestIds(app: App): (request: IncomingMessage) => string {
  const isProxy = proxyTest(app.config.trustedProxies)
  const prefix = randomToken(6)
  let count = 0
  return ({ headers, socket }) => {
    const given = headers['x-request-id']
    if (typeof given === 'string' && shape.test(given) && isProxy(socket.remoteAddress)) return given
    count++
    return `${prefix}-${count.toString(36)}`
  }
}
