import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type SwallowingProxy = {
  address: string
  /** How often these bytes were sent to the server. */
  sent(text: string): number
  /** From now on nothing passes on the connections that there are, and nobody is told. New ones are as good as ever. */
  swallow(): void
  close(): Promise<void>
}

/** A middlebox that forgets its connections without a word to either side. */
export async function startSwallowingProxy(upstream: string): Promise<SwallowingProxy> {
  const { hostname, port } = new URL(upstream)
  const open = new Set<Socket>()
  const alive = new Set<Socket>()
  let sent = ''
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    const pass = (from: Socket, to: Socket) => {
      open.add(from)
      alive.add(from)
      from.on('data', (bytes) => {
        if (!alive.has(from)) return
        if (from === near) sent += bytes.toString('latin1')
        to.write(bytes)
      })
      from.on('error', () => {})
      from.on('close', () => {
        open.delete(from)
        if (alive.delete(from)) to.destroy()
      })
    }
    pass(near, far)
    pass(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: (text) => sent.split(text).length - 1,
    swallow: () => alive.clear(),
    async close() {
      server.close()
      for (const each of open) each.destroy()
      await once(server, 'close')
    },
  }
}
