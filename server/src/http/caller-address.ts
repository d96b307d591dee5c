import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** The caller's address; what a proxy claims is believed only if it is an address. */
export function addressOf(request: FastifyRequest): string {
  return isIP(request.ip) ? request.ip : (request.socket.remoteAddress ?? 'unknown')
}
