import type { FastifyReply } from 'fastify'

/** What was answered; null where the caller hung up before an answer was begun. */
export function statusOf({ raw }: FastifyReply): number | null {
  // What could not be read to its end is answered past the reply, which only has its status then.
  return raw.headersSent || raw.statusCode >= 400 ? raw.statusCode : null
}
