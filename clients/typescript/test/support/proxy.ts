import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What becomes of a request on its way to the server or of the answer on its way back, as the cases in
 * `contract/cases/` name it.
 */
export type Fault =
  | { do: 'deliver' | 'lose_request' | 'lose_reply' | 'duplicate' | 'html' | 'truncate' | 'reset' }
  | { do: 'delay'; ms: number }
  | { do: 'status'; status: number; retry_after?: number }

export type Seen = { path: string; refreshToken: string | undefined; key: string | undefined; status: number | null }

export type FaultProxy = {
  address: string
  seen: Seen[]
  /** What becomes of the next requests to this path; those after them are delivered. */
  script(path: string, faults: Fault[]): void
  /** Of every request, until taken back by null. */
  always(fault: Fault | null): void
  close(): Promise<void>
}

type Reply = { status: number; headers: IncomingMessage['headers']; body: Buffer }

/** A network that fails on demand, between clients and the real server. */
export async function startProxy(upstream: string): Promise<FaultProxy> {
  const scripts = new Map<string, Fault[]>()
  const seen: Seen[] = []
  let standing: Fault | null = null

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!.split('?')[0]!
    const body = await readAll(request)
    const isRefresh = path === '/v1/auth/refresh' && request.method === 'POST'
    const refreshToken = isRefresh && body.length > 0 ? JSON.parse(String(body)).refresh_token : undefined
    const entry: Seen = { path, refreshToken, key: request.headers['refresh-key'] as string, status: null }
    if (request.method !== 'OPTIONS') seen.push(entry)
    const fault = request.method === 'OPTIONS' ? null : (standing ?? scripts.get(path)?.shift())
    const cut = () => void request.socket.destroy()
    switch (fault?.do) {
      case 'lose_request':
      case 'reset':
        return cut()
      case 'html':
        return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to the Wi-Fi</html>')
      case 'status': {
        const after = fault.retry_after === undefined ? {} : { 'retry-after': String(fault.retry_after) }
        return void response.writeHead(fault.status, { 'content-type': 'text/plain', ...after }).end('not now')
      }
    }
    try {
      const copies = fault?.do === 'duplicate' ? 2 : 1
      const replies = await Promise.all(Array.from({ length: copies }, () => forward(upstream, request, body)))
      const reply = replies[0]!
      entry.status = reply.status
      if (fault?.do === 'lose_reply') return cut()
      if (fault?.do === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms).unref())
      if (fault?.do === 'truncate') {
        response.writeHead(reply.status, { ...reply.headers, 'content-length': String(reply.body.length) })
        response.write(reply.body.subarray(0, 20))
        return void setTimeout(cut, 20)
      }
      response.writeHead(reply.status, reply.headers).end(reply.body)
    } catch {
      cut()
    }
  }

  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    script: (path, faults) => void scripts.set(path, [...(scripts.get(path) ?? []), ...faults]),
    always(fault) {
      standing = fault
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function forward(upstream: string, request: IncomingMessage, body: Buffer): Promise<Reply> {
  const { host: _host, connection: _connection, ...headers } = request.headers
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(upstream + request.url, { method: request.method ?? 'GET', headers }, (incoming) => {
      readAll(incoming).then((bytes) => {
        const { connection: _hop, 'keep-alive': _time, ...rest } = incoming.headers
        resolve({ status: incoming.statusCode!, headers: rest, body: bytes })
      }, reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
