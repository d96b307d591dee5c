import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer } from '../support/server.ts'

it('stops at once, although somebody holds a connection open on which nothing was ever sent', async () => {
  const fresh = await freshDatabase('SQLite')
  const server = await startTestServer(fresh.url)
  const { hostname, port } = new URL(server.address)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  // The server has accepted it as well once it has answered somebody who came later.
  assert.equal((await server.call('GET', '/health/live')).status, 200)
  const stopped = server.close().then(() => 'stopped')
  assert.equal(await Promise.race([stopped, delay(10_000, 'still waiting', { ref: false })]), 'stopped')
  socket.destroy()
  await fresh.drop()
})
