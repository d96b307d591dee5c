import { createServer } from 'node:net'

/**
 * Below 32768, where the system takes no ports for outgoing connections.
 * @param inARow so many ports from this one on are free
 */
export async function freePort(inARow = 1): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all(Array.from({ length: inARow }, (_, at) => isFree(port + at)))
    if (free.every(Boolean)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
