import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from '../app.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { randomToken } from '../random.ts'
import { headersOf, problemOf } from './problems.ts'

const codes: Record<string, ErrorCode> = { HPE_HEADER_OVERFLOW: 'headers_too_large' }

/** What Node could not even read as HTTP; there is no request to answer, only a socket. */
export function answerUnreadable(app: App, failure: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || failure.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const error = new AppError(codes[failure.code ?? ''] ?? 'malformed_request')
  const body = JSON.stringify(problemOf(error, randomToken(6), `${app.config.publicUrl}/docs/errors`))
  const headers = { ...headersOf(error), 'content-length': Buffer.byteLength(body), connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`)
}
