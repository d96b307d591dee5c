import { isIP } from 'node:net'

/**
 * The networks that an address stands for, the narrowest first: an IPv4 address by itself; of an IPv6 address the /64,
 * within which its owner may choose freely, and the /48, which providers give to one site.
 */
export function networksOf(address: string): string[] {
  if (isIP(address) !== 6) return [address]
  const groups = groupsOf(address)
  return [`${groups.slice(0, 4).join(':')}::/64`, `${groups.slice(0, 3).join(':')}::/48`]
}

function groupsOf(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  if (tail === undefined) return left
  const right = tail === '' ? [] : tail.split(':')
  return [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
}
