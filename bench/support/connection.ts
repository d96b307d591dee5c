import { connect, type Socket } from 'node:net'

export type Answer = { status: number; retryAfter: number | null; body: string }

/**
 * One kept-alive HTTP/1.1 connection with one request under way at a time. A client library costs more than the server
 * it would measure; this reads status, length and Retry-After, and nothing else.
 */
export class Connection {
  readonly #host: string
  readonly #port: number
  #socket: Socket | null = null
  #received = ''
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null

  constructor(address: string) {
    const { hostname, port } = new URL(address)
    this.#host = hostname
    this.#port = Number(port)
  }

  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket ??= this.#open()
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (text: unknown) => this.#read(text as string))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null
      this.#fail(new Error('The server closed the connection.'))
    })
    return socket
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = null
    this.#received = ''
    waiting?.reject(error)
  }

  #read(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const status = Number(head.slice(9, 12))
    const length = status === 204 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    if (Number.isNaN(length)) {
      this.#fail(new Error(`An answer without a length: ${head}`))
      return
    }
    if (this.#received.length < end + 4 + length) return
    const body = this.#received.slice(end + 4, end + 4 + length)
    const retryAfter = status === 503 || status === 429 ? /\r\nretry-after: (\d+)/i.exec(head)?.[1] : undefined
    this.#received = ''
    const waiting = this.#waiting!
    this.#waiting = null
    waiting.resolve({ status, body, retryAfter: retryAfter === undefined ? null : Number(retryAfter) })
  }
}

/** @param fields further header fields */
export function requestBytes(
  method: string,
  path: string,
  { body, ...fields }: Record<string, string> & { body?: string } = {},
): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'host: bench']
  for (const [name, value] of Object.entries(fields)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
}
