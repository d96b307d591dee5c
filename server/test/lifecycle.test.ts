import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createManagementServer } from '../src/http/management.ts'
import { type ChildServer, childServer } from './support/child-server.ts'
import { freshDatabase, onEachDatabase } from './support/databases.ts'
import {
  call,
  goodPassword,
  registerSomebody,
  startTestServer,
  type TestServer,
  testMasterKey,
} from './support/server.ts'

// Below the range of outgoing connections, and another one for each run.
const managementPort = 22_000 + (process.pid % 1000)
const management = `http://127.0.0.1:${managementPort}`

onEachDatabase((name, url) => {
  describe('a server that is asked to stop', () => {
    let child: ChildServer
    const usual = { PASSWORD_HASH: 'argon2id', HASH_MAX_WAIT: '30s', LOG_LEVEL: 'warn' }

    before(async () => {
      child = childServer({
        databaseUrl: url(),
        masterKey: testMasterKey,
        settings: {
          ...usual,
          SHUTDOWN_DELAY: '5m',
          SHUTDOWN_TIMEOUT: '2s',
          MANAGEMENT_PORT: String(managementPort),
        },
        // It is over when the test says that the balancers have heard it.
        holdsWait: 5 * 60_000,
        measured: name === 'SQLite',
      })
      await child.start()
    })
    after(() => child.remove())

    const refuses = async (address: string) => (await call(address, 'GET', '/health/ready')).status === 503

    it('says so to balancers at once, serves until they have heard it, and loses no request', async () => {
      const address = child.address()
      const somebody = await registerSomebody({ call: (...args) => call(address, ...args) })
      const answered: string[] = []
      const refused: string[] = []
      let told = false
      // As a balancer sends them: over connections that are kept, and none any more once readiness says no.
      const agent = new Agent({ keepAlive: true })
      const customer = async (number: number) => {
        for (let round = 0; !told; round++) {
          const email = `customer-${number}-${round}@example.com`
          const answer = await post(agent, address, '/v1/auth/register', { email, password: goodPassword })
          if (answer === 201) answered.push(email)
          else refused.push(`${email}: ${answer}`)
        }
      }
      const customers = Array.from({ length: 4 }, (_, number) => customer(number))
      const exit = child.stop()
      // Readiness is looked at as the balancer does, while the server still serves.
      await eventually(() => refuses(address))
      // More than those that were under way by then.
      const enough = answered.length + refused.length + 2 * customers.length
      await eventually(async () => answered.length + refused.length >= enough)
      const stranger = await call(address, 'GET', '/health/ready')
      assert.deepEqual(stranger.body, { status: 'not_ready' })
      const operator = await call(management, 'GET', '/health/ready')
      assert.deepEqual([operator.status, operator.body.reasons], [503, ['The server is stopping.']])
      assert.equal((await call(address, 'GET', '/health/live')).status, 200)
      const validated = await call(address, 'GET', '/v1/auth/validate', { token: somebody.access_token })
      assert.equal(validated.status, 200)
      told = true
      await Promise.all(customers)
      child.release()
      assert.equal(await exit, 0)
      agent.destroy()
      assert.deepEqual(refused, [])
      assert.ok(answered.length > 0)

      await child.start()
      for (const email of answered.slice(-20)) {
        const again = await call(child.address(), 'POST', '/v1/auth/login', { body: { email, password: goodPassword } })
        assert.equal(again.status, 200, email)
      }
    })

    it('finishes what it has, however often it is asked', async () => {
      const address = child.address()
      const exit = child.stop()
      await eventually(() => refuses(address))
      const slow = await begin(address, '/v1/auth/register', { email: 'slow@example.com', password: goodPassword })
      const heard = () => child.output().split('still_stopping').length - 1
      const before = heard()
      for (const [times, name] of (['SIGTERM', 'SIGINT', 'SIGINT', 'SIGTERM'] as const).entries()) {
        child.signal(name)
        await eventually(async () => heard() === before + times + 1)
      }
      assert.match(child.output(), /still finishing what is under way, for 302 s at most/)
      child.release()
      await eventually(() => nobodyListens(address))
      assert.equal(await slow.finish(), 201)
      assert.equal(await exit, 0)
      await child.start()
    })

    it('does not wait for ever for a request that never ends', async () => {
      const settings = { ...usual, SHUTDOWN_DELAY: '100ms', SHUTDOWN_TIMEOUT: '1s' }
      const hasty = childServer({ databaseUrl: url(), masterKey: testMasterKey, settings, measured: name === 'SQLite' })
      try {
        await hasty.start()
        const endless = await begin(hasty.address(), '/v1/auth/login', { email: 'a@example.com', password: 'b' })
        assert.notEqual(await hasty.stop(), 0)
        assert.match(hasty.output(), /requests were still under way/)
        assert.equal(typeof (await endless.finish()), 'string')
      } finally {
        await hasty.remove()
      }
    })
  })
})

describe('a server that gets SIGHUP', () => {
  it('goes on, with the log level that the configuration names now', async () => {
    const fresh = await freshDatabase('SQLite')
    const place = mkdtempSync(join(tmpdir(), 'ntt-auth-hangup-'))
    const file = join(place, 'settings.json')
    const write = (settings: object) => writeFileSync(file, JSON.stringify(settings), { mode: 0o600 })
    write({ log_level: 'warn' })
    const settings = { CONFIG_FILE: file, LOG_LEVEL: '' }
    const child = childServer({ databaseUrl: fresh.url, masterKey: testMasterKey, settings, measured: true })
    try {
      await child.start()
      const ask = () => call(child.address(), 'GET', '/health/ready')
      const hangUp = async (answer: RegExp) => {
        child.signal('SIGHUP')
        await eventually(async () => answer.test(child.output()))
        assert.equal((await ask()).status, 200)
      }
      assert.doesNotMatch(child.output(), /"level":"info"/)
      write({ log_level: 'debug' })
      await hangUp(/"event":"reloaded","log_level":"debug".*other settings need a restart/)
      write({ log_level: 'loud' })
      await hangUp(/"event":"reload_refused".*NTT_AUTH_LOG_LEVEL/)
      assert.equal(await child.stop(), 0)
      assert.match(child.output(), /"event":"stopped"/)
    } finally {
      await child.remove()
      rmSync(place, { recursive: true, force: true })
      await fresh.drop()
    }
  })
})

describe('readiness', () => {
  let server: TestServer
  let drop: () => Promise<void>
  const operators = () => {
    const listener = createManagementServer(server.app)
    return new Promise<{ address: string; close(): void }>((resolve) =>
      listener.listen(0, '127.0.0.1', () => {
        const { port } = listener.address() as { port: number }
        resolve({ address: `http://127.0.0.1:${port}`, close: () => listener.close() })
      }),
    )
  }
  const ask = async () => {
    server.clock.advance(2000)
    const door = await operators()
    const [stranger, operator] = [
      await server.call('GET', '/health/ready'),
      await call(door.address, 'GET', '/health/ready'),
    ]
    door.close()
    return { stranger, operator }
  }

  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url, { expectErrors: true })
  })
  after(async () => {
    await server.close().catch(() => undefined)
    await drop()
  })

  it('is there when database, schema and key are', async () => {
    const { stranger, operator } = await ask()
    assert.deepEqual([stranger.status, stranger.body], [200, { status: 'ready' }])
    assert.deepEqual([operator.status, operator.body], [200, { status: 'ready', reasons: [] }])
  })

  it('tells the operator why it is not, and a stranger only that it is not', async () => {
    const { database, keyring } = server.app
    const unknown = { migration: '9999-from-the-future', step: 0, started_at: 1, finished_at: 1 }
    await database.db.insertInto('schema_migrations').values(unknown).execute()
    const rows = await database.db.selectFrom('signing_keys').selectAll().execute()
    keyring.load([])
    const { stranger, operator } = await ask()
    assert.deepEqual([stranger.status, stranger.body], [503, { status: 'not_ready' }])
    assert.equal(operator.status, 503)
    assert.deepEqual(operator.body.reasons, ['There is no active signing key.', 'The database schema is newer.'])
    keyring.load(rows)
    await database.db.deleteFrom('schema_migrations').where('migration', '=', unknown.migration).execute()
    assert.equal((await ask()).stranger.status, 200)
  })

  it('notices that the database has gone', async () => {
    await server.app.database.close()
    const { stranger, operator } = await ask()
    assert.deepEqual([stranger.status, stranger.body], [503, { status: 'not_ready' }])
    assert.match(operator.body.reasons[0], /^The database does not answer: /)
    assert.equal((await server.call('GET', '/health/live')).status, 200)
  })

  it('has an operator’s door that is no other door', async () => {
    const door = await operators()
    assert.equal((await call(door.address, 'GET', '/health/live')).status, 200)
    assert.equal((await call(door.address, 'GET', '/v1/users/me')).status, 404)
    assert.equal((await call(door.address, 'POST', '/health/ready')).status, 405)
    assert.equal((await call(door.address, 'HEAD', '/health/live')).text, '')
    door.close()
  })
})

type Status = number | string

/** @returns the status, or the error's code */
function post(agent: Agent, address: string, path: string, body: object): Promise<Status> {
  const asked = request(address + path, { method: 'POST', agent, headers: { 'content-type': 'application/json' } })
  asked.end(JSON.stringify(body))
  return statusOf(asked)
}

/** Sends a request without its body. @returns how to finish it, once the server has said that it waits for the rest */
async function begin(address: string, path: string, body: object): Promise<{ finish(): Promise<Status> }> {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': text.length, expect: '100-continue' }
  const asked = request(address + path, { method: 'POST', agent: false, headers })
  const status = statusOf(asked)
  asked.flushHeaders()
  await once(asked, 'continue')
  return {
    finish() {
      asked.end(text)
      return status
    },
  }
}

function statusOf(asked: ClientRequest): Promise<Status> {
  return new Promise((resolve) => {
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    asked.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', (error: NodeJS.ErrnoException) => resolve(`${response.statusCode} ${error.code}`))
    })
  })
}

function nobodyListens(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false))
    socket.once('error', () => resolve(true))
  }).finally(() => socket.destroy()) as Promise<boolean>
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 60_000
  while (performance.now() < until) {
    if (await check()) return
    await delay(10)
  }
  throw new Error('it did not happen')
}
