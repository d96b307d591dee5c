import { BlockList, isIP } from 'node:net'
import { withoutPort } from './caller-address.ts'

/** @param networks addresses, or networks such as 10.0.0.0/8 */
export function proxyTest(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(length), family)
  }
  // A listener on :: sees ::ffff:10.0.0.5; the list finds that among the IPv4 addresses.
  return (text) => {
    if (networks.length === 0 || text === undefined) return false
    const address = withoutPort(text)
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}
