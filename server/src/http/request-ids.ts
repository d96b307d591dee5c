import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { App } from '../app.ts'
import { randomToken } from '../random.ts'

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

/** @param networks addresses, or networks such as 10.0.0.0/8 */
function proxyTest(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(length), family)
  }
  // A listener on :: sees ::ffff:10.0.0.5; the list finds that among the IPv4 addresses.
  return (address = '') => networks.length > 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
