import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { limits } from '../../src/http/limits.ts'
import { route } from '../../src/http/route.ts'
import { createServer } from '../../src/http/server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { assertFixedHeaders, assertProblem } from './promises.ts'
import { exchange, parseAnswers } from './wire.ts'

describe('requests that two readers could take apart differently', () => {
  let server: TestServer
  let drop: () => Promise<void>
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url, { quickHashes: true })
  })
  after(async () => {
    await server.close()
    await drop()
  })

  const refused: Record<string, string> = {
    'Content-Length and Transfer-Encoding':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG',
    'Transfer-Encoding and Content-Length':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nG',
    'two Content-Lengths':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}a',
    'two Content-Lengths alike':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
    'a list of Content-Lengths': 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}',
    'a negative Content-Length': 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
    'a Content-Length with a sign': 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}',
    'a Content-Length in hex': 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n{}',
    'a Content-Length beyond every number':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{}',
    'an unknown Transfer-Encoding':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'chunked not last':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'a folded header': 'GET /health/live HTTP/1.1\r\nHost: a\r\nX-Folded: a\r\n b\r\n\r\n',
    'a blank before the colon': 'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}',
    'a bare line feed between headers': 'GET /health/live HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
    'a bare carriage return in a header': 'GET /health/live HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n',
    'a NUL in a header': 'GET /health/live HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n',
    'no Host': 'GET /health/live HTTP/1.1\r\n\r\n',
    'two Hosts': 'GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'a blank in the address': 'GET /health/live x HTTP/1.1\r\nHost: a\r\n\r\n',
    'an unknown version': 'GET /health/live HTTP/3.7\r\nHost: a\r\n\r\n',
    'the opening of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'no method': '/health/live HTTP/1.1\r\nHost: a\r\n\r\n',
    garbage: 'garbage\r\n\r\n',
    'the opening of TLS': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n',
    'a broken chunk size':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
    'a chunk longer than its size':
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n',
  }
  for (const [name, bytes] of Object.entries(refused)) {
    it(`refuses ${name} with 400 and closes the connection`, async () => {
      const answers = await exchange(server.address, [bytes])
      assert.equal(answers.length, 1)
      assert.equal(assertProblem(answers[0]!, name), 'malformed_request')
      assert.equal(answers[0]!.headers.connection, 'close')
    })
  }

  it('refuses headers of more than 16 KiB with 431', async () => {
    const head = `GET /health/live HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`
    const [answer] = await exchange(server.address, [head])
    assert.equal(assertProblem(answer!, 'a large header'), 'headers_too_large')
  })

  it('serves HTTP/1.0, which knows no Host, and closes', async () => {
    const [answer] = await exchange(server.address, ['GET /health/live HTTP/1.0\r\n\r\n'])
    assert.equal(answer!.status, 200)
    assert.equal(answer!.headers.connection, 'close')
  })

  it('serves the absolute form of an address as if it named this host (RFC 9112 §3.2.2)', async () => {
    const request = 'GET http://elsewhere.example/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const [answer] = await exchange(server.address, [request])
    assert.equal(answer!.status, 200)
  })

  it('ignores an expectation and an upgrade that it does not know', async () => {
    for (const header of ['Expect: banana\r\nConnection: close', 'Connection: close, Upgrade\r\nUpgrade: websocket']) {
      const [answer] = await exchange(server.address, [`GET /health/live HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`])
      assert.equal(answer!.status, 200, header)
      assertFixedHeaders(answer!, header)
    }
  })

  it('tells a client that asks first to go on, and then answers', async () => {
    const body = '{"email":"nobody@example.com","password":"some wrong password"}'
    const head = `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`
    const [answer] = await exchange(server.address, [head, body])
    assert.equal(answer!.status, 401)
  })

  it('opens no tunnel', async () => {
    assert.deepEqual(await exchange(server.address, ['CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n']), [])
  })

  it('answers pipelined requests in their order, the slow ones too', async () => {
    const somebody = await registerSomebody(server)
    const login = JSON.stringify({ email: somebody.email, password: somebody.password })
    const requests: string[] = []
    const expected: number[] = []
    for (let round = 0; round < 5; round++) {
      requests.push(
        `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\n\r\n${login}`,
        'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n',
        'HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n',
        'DELETE /v1/users/me/sessions/x HTTP/1.1\r\nHost: a\r\n\r\n',
        'POST /v1/auth/logout HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{"refresh_token":"unknown"}'.replace(
          'Length: 26',
          'Length: 27',
        ),
        'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n',
      )
      expected.push(200, 404, 200, 401, 204, 200)
    }
    requests.push('GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expected.push(200)
    // The answers to HEAD have no body, so that a reader who does not know the questions would lose the thread.
    const withoutHead = requests.filter((request) => !request.startsWith('HEAD'))
    const answers = await exchange(server.address, [withoutHead.join('')])
    const headless = expected.filter((_status, index) => !requests[index]!.startsWith('HEAD'))
    assert.deepEqual(
      answers.map(({ status }) => status),
      headless,
    )
    assert.equal(new Set(answers.map(({ headers }) => headers['x-request-id'])).size, answers.length)
  })

  it('answers what was read whole before it complains about what follows', async () => {
    const body = '{"email":"nobody@example.com","password":"some wrong password"}'
    const login = `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const answers = await exchange(server.address, [`${login}garbage\r\n\r\n`])
    assert.deepEqual(
      answers.map(({ status, text }) => [status, JSON.parse(text).code]),
      [
        [401, 'invalid_credentials'],
        [400, 'malformed_request'],
      ],
    )
  })

  it('hides no second request in the body of a first', async () => {
    const hidden = 'GET /v1/admin/keys HTTP/1.1\r\nHost: a\r\n\r\n'
    const request = `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`
    const answers = await exchange(server.address, [request])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400],
    )
  })

  it('writes nothing of a request whose sender hangs up half-way', async () => {
    const users = () => server.app.database.db.selectFrom('users').select('id').execute()
    const before = await users()
    const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
    const body = JSON.stringify({ email: 'half@example.com', password: 'engine of brass and steam' })
    socket.write(
      `POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`,
    )
    await delay(50)
    socket.destroy()
    await delay(100)
    assert.deepEqual(await users(), before)
  })

  it('leaves no listener behind on a connection that is used again and again', async () => {
    const warnings: string[] = []
    const listen = (warning: Error) => warnings.push(String(warning))
    process.on('warning', listen)
    const body = '{"email":"nobody@example.com","password":"some wrong password"}'
    const login = (last: boolean) =>
      `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${last ? 'Connection: close\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`
    const answers = await exchange(server.address, [login(false).repeat(30) + login(true)])
    process.off('warning', listen)
    assert.equal(answers.length, 31)
    assert.deepEqual(warnings, [])
  })
})

describe('a sender that takes its time', () => {
  const usual = { ...limits }
  let server: TestServer
  let drop: () => Promise<void>
  let address: string
  let close: () => Promise<void>
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url, { quickHashes: true })
    Object.assign(limits, { headersTimeout: 300, requestTimeout: 600, timeoutCheck: 50 })
    const hasty = await createServer(server.app)
    await hasty.listen({ host: '127.0.0.1', port: 0 })
    address = `http://127.0.0.1:${(hasty.server.address() as AddressInfo).port}`
    close = () => hasty.close()
  })
  after(async () => {
    Object.assign(limits, usual)
    await close()
    await server.close()
    await drop()
  })

  async function drip(start: string, drop: string): Promise<{ text: string; took: number }> {
    const began = performance.now()
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.write(start)
    const dripping = setInterval(() => socket.write(drop), 40)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(dripping)
    return { text: Buffer.concat(chunks).toString(), took: performance.now() - began }
  }

  it('is refused when its headers are not there in time', async () => {
    const { text, took } = await drip('GET /health/live HTTP/1.1\r\nHost: a\r\n', 'X: y\r\n')
    const [answer] = parseAnswers(Buffer.from(text))
    assert.equal(assertProblem(answer!, 'slow headers'), 'malformed_request')
    assert.match(JSON.parse(answer!.text).detail, /in time/)
    assert.ok(took < 5000, `${took} ms`)
  })

  it('is refused when its body is not there in time', async () => {
    const head =
      'POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{'
    const { text, took } = await drip(head, ' ')
    const [answer] = parseAnswers(Buffer.from(text))
    assert.equal(assertProblem(answer!, 'a slow body'), 'malformed_request')
    assert.ok(took < 5000, `${took} ms`)
  })

  it('keeps nobody else out, with hundreds of connections', async () => {
    const sockets = Array.from({ length: 400 }, (_, index) => {
      const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
      socket.on('error', () => {})
      // Some say nothing at all, some begin a header, some a body that never comes.
      if (index % 3 === 1) socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\nX: ')
      if (index % 3 === 2) socket.write('POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{')
      return socket
    })
    for (const socket of sockets) socket.resume()
    for (let asked = 0; asked < 20; asked++) {
      const answers = await exchange(server.address, [
        'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      ])
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200],
      )
    }
    for (const socket of sockets) socket.destroy()
  })

  it('of answers it does not read gets no more of them made', async () => {
    const request = 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'
    const from = server.log.length
    const socket = connect(Number(new URL(server.address).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    const asked = 500
    socket.write(request.repeat(asked))
    const made = () => server.log.slice(from).filter(({ route }) => route === '/openapi.json').length
    // Until the buffers between the two are full.
    for (let before = -1; made() === 0 || made() > before; await delay(200)) before = made()
    const [other] = await exchange(server.address, [
      'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ])
    assert.equal(other!.status, 200)
    assert.ok(made() < asked / 4, `${made()} answers were made for somebody who reads none`)
    socket.destroy()
  })

  it('keeps a place for at most half a minute, headers for ten seconds', () => {
    assert.ok(usual.headersTimeout <= 10_000 && usual.requestTimeout <= 30_000 && usual.timeoutCheck <= 5_000)
  })

  it('gets its whole answer when something unreadable follows while that is being sent', async () => {
    const large = 'a'.repeat(3_000_000)
    const sending = await createServer(server.app, [
      {
        method: 'GET',
        path: '/large',
        route: route({
          summary: 'A large answer',
          tag: 'Health',
          who: 'anyone',
          answers: { 200: { description: 'Much.', contentType: 'text/plain' } },
          errors: [],
          handle: () => ({ status: 200, body: large }),
        }),
      },
    ])
    await sending.listen({ host: '127.0.0.1', port: 0 })
    try {
      const at = `http://127.0.0.1:${(sending.server.address() as AddressInfo).port}`
      const answers = await exchange(at, ['GET /large HTTP/1.1\r\nHost: a\r\n\r\ngarbage\r\n\r\n'])
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 400],
      )
      assert.equal(answers[0]!.text.length, large.length)
    } finally {
      await sending.close()
    }
  })
})
