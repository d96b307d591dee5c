import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { it } from 'node:test'
import { eventually } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer } from '../support/server.ts'

it('a caller who hangs up while it sends its body is no error of the server, and under way no more', async () => {
  const { url, drop } = await freshDatabase('SQLite')
  const server = await startTestServer(url)
  try {
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      server.log.length = 0
      const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
        .on('error', () => undefined)
        .resume()
      const head = 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500'
      socket.write(`${head}\r\n\r\n{"email"`)
      await eventually(() => server.app.meter.activeRequests === 1)
      socket[leave]()
      await eventually(() => server.app.meter.activeRequests === 0)
      if (!socket.closed) await once(socket, 'close')
      assert.deepEqual(
        server.log.filter(({ level }) => level !== 'info' && level !== 'debug'),
        [],
        leave,
      )
    }
  } finally {
    await server.close()
    await drop()
  }
})
