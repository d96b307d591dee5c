import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Browsers and pools of connections open some ahead of need. One that has never carried a request is not idle to Node, so
 * that a stop would wait for it. @returns closes those
 */
export function closerOfUnused(server: Server): () => void {
  const unused = new Set<Socket>()
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', ({ socket }) => unused.delete(socket))
  return () => {
    for (const socket of unused) if (socket.bytesRead === 0) socket.destroy()
  }
}
