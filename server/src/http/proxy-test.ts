import { BlockList, isIP } from 'node:net'

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
  return (address = '') => networks.length > 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
