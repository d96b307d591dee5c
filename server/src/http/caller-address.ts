import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** The caller's address; what a proxy claims is believed only if it is an address. */
export function addressOf(request: FastifyRequest): string {
  return plainAddress(withoutPort(request.ip)) ?? plainAddress(request.socket.remoteAddress ?? '') ?? 'unknown'
}

/** What stands in X-Forwarded-For; some proxies write the port as well: 203.0.113.9:5678, [2001:db8::1]:443. */
export function withoutPort(text: string): string {
  const [, bracketed, plain] = /^\s*(?:\[([^\]]*)\](?::\d{1,5})?|(\d[\d.]*)(?::\d{1,5})?)\s*$/.exec(text) ?? []
  return bracketed ?? plain ?? text
}

/**
 * One address in one way of writing, so that nobody has several: IPv6 in its shortest form and without a zone, which
 * means something only on the machine that named it and may be of any length; IPv4 in IPv6 as IPv4.
 * @returns at most 39 characters; null for what is no address
 */
export function plainAddress(text: string): string | null {
  const kind = isIP(text)
  if (kind !== 6) return kind === 4 ? text : null
  const [address] = text.split('%')
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shortest)
  if (!mapped) return shortest
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
