import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'

/**
 * What becomes of a request on its way; each request names its own by the header `x-fate`, which the proxy takes off.
 * `hold`: the server answers, and the reply waits in the proxy until the test lets it go or cuts it.
 */
export type Fate = 'deliver' | 'lose-request' | 'lose-reply' | 'duplicate' | 'hold'

export type HeldReply = { status: number; release(): void; cut(): void }

export type FaultProxy = {
  address: string
  /** The next reply that is held back. */
  nextHeld(): Promise<HeldReply>
  close(): Promise<void>
}

type Reply = { status: number; headers: IncomingMessage['headers']; body: Buffer }

/**
 * A network that fails on demand, between clients and a server.
 * @param upstream asked for every request, because a restarted server listens elsewhere
 */
export async function startFaultProxy(upstream: () => string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true })
  const held: HeldReply[] = []
  const waiting: ((held: HeldReply) => void)[] = []

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const fate = (request.headers['x-fate'] ?? 'deliver') as Fate
    const body = await readAll(request)
    if (fate === 'lose-request') return void request.socket.destroy()
    try {
      const sent = Array.from({ length: fate === 'duplicate' ? 2 : 1 }, () => forward(agent, upstream(), request, body))
      const replies = await Promise.all(sent)
      if (fate === 'lose-reply') return void request.socket.destroy()
      const reply = replies.at(-1)!
      const answer = () => void response.writeHead(reply.status, reply.headers).end(reply.body)
      if (fate !== 'hold') return answer()
      const hold = { status: reply.status, release: answer, cut: () => void request.socket.destroy() }
      const taker = waiting.shift()
      if (taker) taker(hold)
      else held.push(hold)
    } catch {
      // The server died: so does the client's connection.
      request.socket.destroy()
    }
  }

  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nextHeld() {
      const ready = held.shift()
      return ready ? Promise.resolve(ready) : new Promise((resolve) => waiting.push(resolve))
    },
    async close() {
      agent.destroy()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function forward(agent: Agent, upstream: string, request: IncomingMessage, body: Buffer): Promise<Reply> {
  const { 'x-fate': _fate, host: _host, connection: _connection, ...headers } = request.headers
  return new Promise((resolve, reject) => {
    const options = { agent, method: request.method ?? 'GET', headers }
    const outgoing = httpRequest(upstream + request.url, options, (incoming) => {
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

export type TcpGate = {
  port: number
  /** Asked about every piece that comes back from upstream, before it is passed on. */
  gate: () => Promise<void>
  /** Resets every connection, and from now on every new one as well, until `mend`. */
  reset(): void
  mend(): void
  close(): Promise<void>
}

/** Stands between a server and its database, and passes on what the database says only when `gate` lets it. */
export async function startTcpGate(upstream: { host: string; port: number }): Promise<TcpGate> {
  const open = new Set<Socket>()
  let isBroken = false
  const server = createTcpServer((near) => {
    if (isBroken) return void near.resetAndDestroy()
    const far = connect(upstream)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
    near.pipe(far)
    let turn = Promise.resolve()
    far.on('data', (piece) => {
      turn = turn.then(() => gate.gate()).then(() => void near.write(piece))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gate: TcpGate = {
    port: (server.address() as AddressInfo).port,
    gate: () => Promise.resolve(),
    reset() {
      isBroken = true
      for (const socket of open) socket.resetAndDestroy()
    },
    mend() {
      isBroken = false
    },
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
  return gate
}
