import { connect, type Socket } from 'node:net'

/** HTTP as bytes on a socket, for what no decent client would send. */

export type WireAnswer = {
  status: number
  /** Lower-case names; several of one name joined by ", ". */
  headers: Record<string, string>
  text: string
}

export type WireRequest = {
  method?: string
  path?: string
  /** In this order and spelling; Host, Connection and Content-Length are added unless they are here. */
  headers?: readonly (readonly [string, string])[]
  body?: string | Uint8Array
}

/** Sends one request on a connection of its own. */
export async function send(address: string, request: WireRequest): Promise<WireAnswer> {
  const { method = 'GET', path = '/', headers = [], body } = request
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name)
  const all: (readonly [string, string])[] = [...headers]
  if (!has('host')) all.unshift(['Host', new URL(address).host])
  if (!has('connection')) all.push(['Connection', 'close'])
  const bytes = body === undefined ? undefined : Buffer.from(body as Uint8Array)
  if (bytes && !has('content-length') && !has('transfer-encoding')) all.push(['Content-Length', String(bytes.length)])
  const head = `${method} ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  const answers = await exchange(address, [Buffer.from(head, 'latin1'), ...(bytes ? [bytes] : [])], method === 'HEAD')
  const [answer] = answers
  if (!answer || answers.length > 1) throw new Error(`${answers.length} answers to one request`)
  return answer
}

/** Sends bytes as they are, and reads answers until the server closes the connection. */
export async function exchange(
  address: string,
  parts: readonly (string | Uint8Array)[],
  headless = false,
): Promise<WireAnswer[]> {
  const { hostname, port } = new URL(address)
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket: Socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const giveUp = setTimeout(() => socket.destroy(new Error(`No end of the answer: ${Buffer.concat(chunks)}`)), 20_000)
    const finish = () => {
      clearTimeout(giveUp)
      socket.destroy()
      resolve(Buffer.concat(chunks))
    }
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.once('end', finish)
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(giveUp)
      // A server that refuses a large body closes while it is still being sent.
      if (chunks.length > 0 && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) finish()
      else reject(error)
    })
    for (const part of parts) socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)
  })
  return parseAnswers(received, headless)
}

/** @throws Error when the bytes are not a row of whole answers */
export function parseAnswers(bytes: Buffer, headless = false): WireAnswer[] {
  const answers: WireAnswer[] = []
  let rest = bytes
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error(`Not an answer: ${rest}`)
    const [statusLine = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1])
    if (!status) throw new Error(`Not a status line: ${statusLine}`)
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value
    }
    const bodyless = headless || status === 204 || status === 304 || status < 200
    const body = bodyless ? { text: '', length: 0 } : bodyOf(rest.subarray(end + 4), headers)
    if (status >= 200) answers.push({ status, headers, text: body.text })
    rest = rest.subarray(end + 4 + body.length)
  }
  return answers
}

function bodyOf(bytes: Buffer, headers: Record<string, string>): { text: string; length: number } {
  if (headers['transfer-encoding'] !== 'chunked') {
    const length = headers['content-length'] === undefined ? bytes.length : Number(headers['content-length'])
    if (bytes.length < length) throw new Error(`The body stops after ${bytes.length} of ${length} bytes`)
    return { text: bytes.subarray(0, length).toString(), length }
  }
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: lineEnd + 4 }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
