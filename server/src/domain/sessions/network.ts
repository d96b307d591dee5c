import { BlockList, isIP } from 'node:net'

// What a provider commonly gives to one customer or site.
const prefixes = { ipv4: 24, ipv6: 48 } as const

/** Do two addresses lie in different networks? Of what is no address nothing is said. */
export function isOtherNetwork(one: string | null, other: string | null): boolean {
  if (one === null || other === null || one === other) return false
  const [family, otherFamily] = [familyOf(one), familyOf(other)]
  if (!family || !otherFamily) return false
  if (family !== otherFamily) return true
  const network = new BlockList()
  network.addSubnet(one, prefixes[family], family)
  return !network.check(other, otherFamily)
}

function familyOf(address: string): keyof typeof prefixes | null {
  const family = isIP(address)
  return family === 0 ? null : family === 4 ? 'ipv4' : 'ipv6'
}
