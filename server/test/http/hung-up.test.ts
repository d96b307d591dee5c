import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../flows/flow-server.ts'
import { serviceOf } from '../revocations/service.ts'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

type Gate = ReturnType<typeof Promise.withResolvers<void>>

describe('a caller who hangs up', () => {
  let server: TestServer
  let drop: () => Promise<void>
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url)
  })
  after(async () => {
    await server.close()
    await drop()
  })

  const post = (path: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
  const open = (text: string) => {
    const socket = connect(Number(new URL(server.address).port), '127.0.0.1').on('error', () => undefined)
    socket.write(text)
    return socket
  }
  const counted = () =>
    [...server.app.meter.observed('http_server_request_duration_seconds')].map(({ labels, count }) => {
      const { http_request_method: method, http_route: route, http_response_status_code: status } = labels
      return { of: `${method} ${route} ${status}`, count }
    })
  const requests = () => server.log.filter(({ msg }) => msg === 'request')
  /** What was counted and logged since, and that each request was once. */
  const leaving = async (socket: Socket, leave: () => void) => {
    const before = counted()
    const count = (of: string) => before.find((each) => each.of === of)?.count ?? 0
    server.log.length = 0
    leave()
    await eventually(() => server.app.meter.activeRequests === 0)
    if (!socket.closed) await once(socket.resume(), 'close')
    const grown = counted().filter((each) => each.count > count(each.of))
    assert.deepEqual(
      grown.map(({ of, count: now }) => now - count(of)),
      [1],
    )
    assert.equal(requests().length, 1)
    return { counted: grown[0]!.of, line: requests()[0]! }
  }

  // To end and to destroy is the same on the wire here, and is answered: the body has an end, and it is not there yet.
  for (const [leave, status] of [
    ['end', 400],
    ['destroy', 400],
    ['resetAndDestroy', null],
  ] as const) {
    it(`while it sends its body (${leave}) is no error of the server, and is counted and logged once`, async () => {
      const socket = open(`${post('/v1/auth/login', 500)}{"email"`)
      await eventually(() => server.app.meter.activeRequests === 1)
      const { counted, line } = await leaving(socket, () => socket[leave]())
      assert.deepEqual(
        server.log.filter(({ level }) => level !== 'info' && level !== 'debug'),
        [],
      )
      assert.equal(counted, `POST /v1/auth/login ${status ?? 'other'}`)
      const { route, status: told, unfinished = false, ip, duration_ms: duration } = line
      assert.deepEqual([route, told, unfinished, ip], ['/v1/auth/login', status, status === null, '127.0.0.1'])
      assert.ok((duration as number) >= 0)
    })
  }

  it('under no route is counted under none, and what it typed stays out of the log', async () => {
    const socket = open(`${post('/v1/somewhere-else', 500)}{"email"`)
    await eventually(() => server.app.meter.activeRequests === 1)
    const { counted } = await leaving(socket, () => socket.resetAndDestroy())
    assert.equal(counted, 'POST none other')
    assert.doesNotMatch(JSON.stringify(server.log), /somewhere-else/)
  })

  it('is told by the same request id in its answer and in both lines of the log', async () => {
    const socket = open(`${post('/v1/auth/login', 500)}{"email"`)
    await eventually(() => server.app.meter.activeRequests === 1)
    let answer = ''
    socket.on('data', (piece) => (answer += piece))
    const { line } = await leaving(socket, () => socket.end())
    assert.match(answer, new RegExp(`^HTTP/1.1 400 .*x-request-id: ${line.request_id}\r\n`, 's'))
    assert.equal(server.log.find(({ msg }) => msg === 'unreadable')!.request_id, line.request_id)
  })

  it('while it is waited upon is counted and logged once, though its answer is made in the end', async () => {
    const body = JSON.stringify({ email: 'nobody@example.com', password: 'not the right one' })
    const { hasher } = server.app
    const { verify } = hasher
    const [asked, go, done] = [0, 1, 2].map(() => Promise.withResolvers<void>()) as [Gate, Gate, Gate]
    hasher.verify = async (...given) => {
      asked.resolve()
      await go.promise
      return verify(...given).finally(done.resolve)
    }
    try {
      const socket = open(`${post('/v1/auth/login', body.length)}${body}`)
      await asked.promise
      const { counted, line } = await leaving(socket, () => socket.destroy())
      assert.equal(counted, 'POST /v1/auth/login other')
      assert.deepEqual([line.status, line.unfinished], [null, true])
    } finally {
      hasher.verify = verify
      go.resolve()
    }
    await done.promise
    for (let later = 0; later < 5; later++) await server.call('GET', '/health/live')
    assert.equal(requests().filter(({ route }) => route === '/v1/auth/login').length, 1)
  })

  it('from a stream is counted and logged once, by the status that it had', async () => {
    const { authorization } = await serviceOf(server, ['revocations:read'])
    const socket = open(`GET /v1/revocations/stream HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`)
    await once(socket, 'data')
    const { counted, line } = await leaving(socket, () => socket.destroy())
    assert.equal(counted, 'GET /v1/revocations/stream 200')
    assert.deepEqual([line.status, line.unfinished], [200, true])
  })

  it('after it has read its answer is not told of a second time', async () => {
    const socket = open('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
    const { counted, line } = await leaving(socket, () => void socket.once('data', () => socket.destroy()))
    assert.equal(counted, 'GET /health/live 200')
    assert.equal(line?.unfinished, undefined)
  })
})
