import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import type { App } from '../app.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { randomToken } from '../random.ts'
import { fixedHeaders } from './fixed-headers.ts'
import { headersOf, problemOf } from './problems.ts'

const codes: Record<string, ErrorCode> = { HPE_HEADER_OVERFLOW: 'headers_too_large' }

/**
 * What Node could not even read as HTTP; there is no request to answer, only a socket.
 * @param pending the answer to the request that was read before on this socket, if there was one
 */
export function answerUnreadable(
  app: App,
  failure: Error & { code?: string },
  socket: Socket,
  pending: FastifyReply | undefined,
): void {
  if (!socket.writable || failure.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  // A request that was read whole gets its own answer first: its caller must not take ours for it.
  const answer = pending?.raw
  if (answer?.req.complete && !answer.writableFinished) {
    answer.once('close', () => answerUnreadable(app, failure, socket, undefined))
    return
  }
  const isCut = pending !== undefined && !pending.raw.writableFinished
  if (isCut && pending.raw.headersSent) {
    socket.destroy()
    return
  }
  const requestId = isCut ? pending.request.id : randomToken(6)
  const error = new AppError(codes[failure.code ?? ''] ?? 'malformed_request', details[failure.code ?? ''])
  // The request began, and is counted by this when the socket is closed.
  if (isCut) pending.code(error.status)
  app.log.info(
    { request_id: requestId, status: error.status, reason: failure.code, ip: socket.remoteAddress },
    'unreadable',
  )
  const body = JSON.stringify(problemOf(error, requestId, `${app.config.publicUrl}/docs/errors`))
  const headers = {
    ...fixedHeaders(app.config.publicUrl),
    ...headersOf(error),
    'x-request-id': requestId,
    date: new Date(app.clock.now()).toUTCString(),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`)
}

const details: Record<string, { detail: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { detail: 'The request did not arrive in time.' },
}
