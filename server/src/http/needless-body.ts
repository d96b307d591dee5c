import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import { limits } from './limits.ts'

/**
 * Reads what came where no body belongs. Many HTTP libraries send `{}` by themselves: an empty object, or nothing in
 * chunks, says nothing and is let through; anything else was meant for another route.
 * @param isJson whether the headers call it JSON
 * @throws AppError `malformed_request`
 */
export function readNeedlessBody(request: IncomingMessage, isJson: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let length = 0
    const settle = (error?: Error) => {
      request.off('data', read).off('end', end).off('error', gone).off('close', gone)
      if (error) reject(error)
      else resolve()
    }
    const refuse = () => settle(new AppError('malformed_request', { detail: 'This route takes no body.' }))
    const read = (piece: Buffer) => {
      length += piece.length
      if (length > limits.needlessBody) refuse()
      else pieces.push(piece)
    }
    const end = () => {
      const isNothing =
        length === 0 || (isJson && /^[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*$/.test(String(Buffer.concat(pieces))))
      if (isNothing) settle()
      else refuse()
    }
    const gone = () => settle(new AppError('malformed_request', { detail: 'The body broke off.' }))
    if (Number(request.headers['content-length'] ?? 0) > limits.needlessBody) refuse()
    else request.on('data', read).on('end', end).on('error', gone).on('close', gone)
  })
}
