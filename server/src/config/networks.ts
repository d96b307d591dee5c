import { BlockList, isIP } from 'node:net'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

const mapped = '::ffff:0:0'
const mappedAddresses = new BlockList()
mappedAddresses.addSubnet(mapped, 96, 'ipv6')

/**
 * Whether a network is so wide that naming it trusts strangers: wider than the widest private one, which is /8 in IPv4
 * (10.0.0.0/8) and /7 in IPv6 (fc00::/7). An IPv6 network may also hold IPv4 addresses (RFC 4291 §2.5.5.2).
 */
export function isCatchAll(network: string): boolean {
  const [address = '', prefix] = network.split('/')
  if (prefix === undefined) return false
  const length = Number(prefix)
  if (isIP(address) === 4) return length < 8
  if (length < 7) return true
  if (length >= 96 + 8) return false
  if (length >= 96) return mappedAddresses.check(address, 'ipv6')
  const block = new BlockList()
  block.addSubnet(address, length, 'ipv6')
  return block.check(mapped, 'ipv6')
}
