import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { traceIdIn } from '../../src/tracing/current.ts'
import { checkProtocol, samplerFromEnvironment } from '../../src/tracing/environment.ts'
import { eventually, keyA, logIn, refresh, validate } from '../flows/flow-server.ts'
import { childServer } from '../support/child-server.ts'
import { freshDatabase, onEachDatabase } from '../support/databases.ts'
import {
  call,
  goodPassword,
  registerSomebody,
  startTestServer,
  type TestServer,
  testMasterKey,
} from '../support/server.ts'
import { type Span, startCollector } from './collector.ts'

const callerTrace = '0af7651916cd43dd8448eb211c80319c'
const callerSpan = 'b7ad6b7169203331'
const traceparent = `00-${callerTrace}-${callerSpan}-01`

/** Runs with other variables of OpenTelemetry, which its libraries read by themselves. */
async function withVariables<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name]
  }
}

const lineOf = (server: TestServer, route: string) =>
  server.log.findLast((line) => line.msg === 'request' && line.route === route)!

onEachDatabase((name, url) => {
  describe('traces', () => {
    let collector: Awaited<ReturnType<typeof startCollector>>
    let server: TestServer
    const told = () => collector.spans()
    const childrenOf = (span: Span) => told().filter(({ parentId }) => parentId === span.spanId)
    /** The span of a request, once it was told together with all that belongs to it. */
    const spanOf = async (name: string, traceId = callerTrace) => {
      const find = () => told().find((span) => span.name === name && span.traceId === traceId)
      await eventually(() => find() !== undefined)
      return find()!
    }

    before(async () => {
      collector = await startCollector()
      const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.address, OTEL_BSP_SCHEDULE_DELAY: '50' }
      server = await withVariables(variables, () => startTestServer(url(), { settings: { TRACING: 'on' } }))
    })
    after(async () => {
      await server?.close()
      collector?.close()
    })

    it("go on where the caller's trace is, and name the request by its route", async () => {
      const { email } = await registerSomebody(server)
      await server.call('POST', '/v1/auth/login', { body: { email, password: goodPassword }, headers: { traceparent } })
      const span = await spanOf('POST /v1/auth/login')
      assert.equal(span.parentId, callerSpan)
      assert.equal(span.kind, 2)
      assert.deepEqual(span.attributes, {
        'http.request.method': 'POST',
        'http.route': '/v1/auth/login',
        'http.response.status_code': 200,
      })
    })

    it('show what a request waits for: hashing, statements, the transaction and what is in it', async () => {
      const { email } = await registerSomebody(server)
      const trace = callerTrace.replace('0af', '1af')
      const headers = { traceparent: `00-${trace}-${callerSpan}-01` }
      await server.call('POST', '/v1/auth/login', { body: { email, password: goodPassword }, headers })
      const login = await spanOf('POST /v1/auth/login', trace)
      const parts = childrenOf(login)
      const only = (part: string) => {
        const found = parts.filter((span) => span.name === part)
        assert.equal(found.length, 1, `${part} in ${parts.map((span) => span.name)}`)
        return found[0]!
      }
      const [waited, hashed] = [only('password hash wait'), only('password verify')]
      assert.deepEqual(hashed.attributes, { 'ntt_auth.algorithm': 'argon2' })
      assert.ok(waited.start <= waited.end && waited.end <= hashed.start + 2 && hashed.start < hashed.end)
      const system = { SQLite: 'sqlite', MariaDB: 'mysql', PostgreSQL: 'postgresql' }[name]
      assert.deepEqual(only('database select').attributes, { 'db.system.name': system, 'db.operation.name': 'select' })
      const transaction = only('database transaction')
      const statements = childrenOf(transaction)
      assert.equal(statements[0]!.name, 'database begin')
      assert.equal(statements.at(-1)!.name, 'database commit')
      assert.ok(statements.some((span) => span.name === 'database insert' && span.kind === 3))
      for (const span of told().filter(({ traceId }) => traceId === trace)) {
        assert.ok(span.start >= login.start - 2 && span.end <= login.end + 2, span.name)
      }
    })

    it('hold together a request whose body comes later', async () => {
      const { email } = await registerSomebody(server)
      const trace = callerTrace.replace('0af', '2af')
      const outgoing = request(`${server.address}/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent: `00-${trace}-${callerSpan}-01` },
      })
      outgoing.flushHeaders()
      await delay(100)
      outgoing.end(JSON.stringify({ email, password: goodPassword }))
      const [answer] = await once(outgoing, 'response')
      answer.resume()
      const login = await spanOf('POST /v1/auth/login', trace)
      assert.ok(childrenOf(login).some((span) => span.name === 'password verify'))
    })

    it('keep requests apart that run at the same time and share a commit', async () => {
      const people = await Promise.all(Array.from({ length: 12 }, () => registerSomebody(server)))
      const trace = (index: number) => `${index + 10}`.padStart(32, 'c')
      await Promise.all(
        people.map((one, index) =>
          server.call('POST', '/v1/auth/refresh', {
            body: { refresh_token: one.refresh_token },
            headers: { 'refresh-key': keyA, traceparent: `00-${trace(index)}-${callerSpan}-01` },
          }),
        ),
      )
      for (const [index] of people.entries()) {
        await spanOf('POST /v1/auth/refresh', trace(index))
        const own = told().filter(({ traceId }) => traceId === trace(index))
        const updates = own.filter((span) => span.name === 'database update')
        assert.equal(updates.length, 1, own.map((span) => span.name).join())
        const ids = new Set([callerSpan, ...own.map(({ spanId }) => spanId)])
        for (const span of own) assert.ok(ids.has(span.parentId), span.name)
      }
    })

    it('begin with a request and with nothing else', async () => {
      await spanOf('POST /v1/auth/login')
      const spans = told()
      const ids = new Set([callerSpan, ...spans.map(({ spanId }) => spanId)])
      for (const span of spans) {
        if (span.parentId === '') assert.equal(span.kind, 2, span.name)
        else assert.ok(ids.has(span.parentId), span.name)
      }
    })

    it('say nothing secret and nothing about anybody', async () => {
      const one = await registerSomebody(server, 'secretive@example.com')
      const agent = { 'user-agent': 'a telling device', traceparent: `00-${'e'.repeat(32)}-${callerSpan}-01` }
      await server.call('GET', `/v1/users/me?token=${one.access_token}`, { token: one.access_token, headers: agent })
      await server.call('DELETE', `/v1/users/me/sessions/${one.session_id}`, {
        token: one.access_token,
        headers: agent,
      })
      await spanOf('DELETE /v1/users/me/sessions/:id', 'e'.repeat(32))
      const text = Buffer.concat(collector.bodies).toString('latin1')
      const secrets = [one.email, one.password, one.access_token, one.refresh_token, one.session_id, one.user.id]
      for (const secret of [...secrets, 'a telling device', '127.0.0.1', 'from "'])
        assert.ok(!text.includes(secret), secret)
      assert.ok(text.includes('database insert'))
    })

    it('tell a failure of the server from a refusal', async () => {
      const headers = { traceparent: `00-${'d'.repeat(32)}-${callerSpan}-01` }
      await server.call('POST', '/v1/auth/refresh', { body: { refresh_token: 'nttr_x' }, headers })
      const refused = await spanOf('POST /v1/auth/refresh', 'd'.repeat(32))
      assert.deepEqual([refused.status, refused.attributes['http.response.status_code']], [0, 401])
      await server.call('GET', '/made/up', { headers: { traceparent: `00-${'d1'.repeat(16)}-${callerSpan}-01` } })
      const lost = await spanOf('GET', 'd1'.repeat(16))
      assert.equal(lost.attributes['http.route'], undefined)
    })

    it('are named by the lines of the log, those of events as well', async () => {
      const { email } = await registerSomebody(server)
      await server.call('POST', '/v1/auth/login', { body: { email, password: goodPassword }, headers: { traceparent } })
      const line = lineOf(server, '/v1/auth/login')
      assert.equal(line.trace_id, callerTrace)
      await eventually(() => told().some(({ spanId }) => spanId === line.span_id))
      assert.equal(told().find(({ spanId }) => spanId === line.span_id)!.name, 'POST /v1/auth/login')
      const event = server.log.findLast((each) => each.event === 'login')!
      assert.equal(event.trace_id, callerTrace)
    })

    it('leave out what the caller does not sample, but for the log', async () => {
      const trace = 'f'.repeat(32)
      const headers = { traceparent: `00-${trace}-${callerSpan}-00` }
      const { access_token } = await registerSomebody(server)
      await server.call('GET', '/v1/users/me', { token: access_token, headers })
      assert.equal(lineOf(server, '/v1/users/me').trace_id, trace)
      // Told later, so that the other would have been told.
      const next = { traceparent: `00-${'9'.repeat(32)}-${callerSpan}-01` }
      await server.call('GET', '/v1/users/me', { token: access_token, headers: next })
      await spanOf('GET /v1/users/me', '9'.repeat(32))
      assert.ok(!told().some(({ traceId }) => traceId === trace))
    })

    it('tell who they are from', () => {
      const [resource] = collector.resources()
      assert.equal(resource!['service.name'], 'ntt-auth')
      assert.match(`${resource!['service.version']}`, /^\d+\.\d+\.\d+/)
      assert.ok(resource!['service.instance.id'])
    })
  })
})

describe('traces, when something is wrong with the collector', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  beforeEach(async () => {
    fresh = await freshDatabase('SQLite')
  })
  afterEach(() => fresh.drop())
  const start = (variables: Record<string, string>) =>
    withVariables(variables, () => startTestServer(fresh.url, { settings: { TRACING: 'on' } }))

  it('harm no caller and no stop when nobody is there, and say so once', async () => {
    const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '10' })
    const { email, access_token, refresh_token } = await registerSomebody(server)
    assert.equal((await logIn(server, email)).status, 200)
    await eventually(() => server.log.some(({ event }) => event === 'traces_lost'), 20_000)
    assert.equal((await validate(server, access_token)).status, 200)
    assert.equal((await refresh(server, refresh_token, keyA)).status, 200)
    const begun = performance.now()
    await server.close()
    assert.ok(performance.now() - begun < 10_000)
    assert.equal(server.log.filter(({ event }) => event === 'traces_lost').length, 1)
    const [dropped] = server.app.meter.counted('ntt_auth_trace_spans_dropped_total')
    assert.equal(dropped!.labels.reason, 'undelivered')
    assert.ok(dropped!.value > 0)
  })

  it('are all there when the server has stopped, as the operator wants them', async () => {
    const collector = await startCollector()
    const server = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
      OTEL_BSP_SCHEDULE_DELAY: '600000',
      OTEL_BSP_MAX_QUEUE_SIZE: '20',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20',
      OTEL_BSP_EXPORT_TIMEOUT: '5000',
      OTEL_SERVICE_NAME: 'named by the operator',
      OTEL_TRACES_SAMPLER: 'always_on',
    })
    for (let count = 0; count < 15; count++) await server.call('GET', '/.well-known/jwks.json')
    assert.equal(collector.spans().length, 0)
    await server.close()
    assert.equal(collector.spans().length, 15)
    assert.equal(collector.resources()[0]!['service.name'], 'named by the operator')
    collector.close()
  })

  it('keep no process that was asked to stop, and say before its end what they lost', { timeout: 60_000 }, async () => {
    const collector = await startCollector(new Promise(() => {}))
    const child = childServer({
      databaseUrl: fresh.url,
      masterKey: testMasterKey,
      settings: { TRACING: 'on', LOG_LEVEL: 'info' },
      // It would be waited for for ten minutes.
      variables: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
        OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
        OTEL_BSP_EXPORT_TIMEOUT: '600000',
      },
    })
    try {
      await child.start()
      await call(child.address(), 'GET', '/.well-known/jwks.json')
      assert.equal(await child.stop(), 0)
      const events = [...child.output().matchAll(/"event":"(\w+)"/g)].map(([, event]) => event)
      assert.deepEqual(events.slice(-3), ['stopping', 'traces_lost', 'stopped'])
    } finally {
      await child.remove()
      collector.close()
    }
  })

  it('are kept for a slow one, but only so many', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const collector = await startCollector(held)
    const server = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    })
    const counted = () => [...server.app.meter.counted('ntt_auth_trace_spans_dropped_total')]
    try {
      for (let count = 0; count < 60; count++) await server.call('GET', '/.well-known/jwks.json')
      // A span ends after its answer: one that came after the release would find room.
      await eventually(async () => (counted()[0]?.value ?? 0) >= 40)
      release()
      await server.close()
      const kept = collector.spans().length
      assert.ok(kept >= 10 && kept <= 20, `${kept}`)
      assert.deepEqual(counted(), [{ labels: { reason: 'queue_full' }, value: 60 - kept }])
      const told = server.log.filter(({ event }) => event === 'traces_lost')
      assert.equal(told.length, 1)
      assert.match(JSON.stringify(told), /10 spans wait for the collector, and no more may/)
    } finally {
      // Whoever waits for it would wait for ever.
      release()
      collector.close()
    }
  })
})

describe('without traces', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  let server: TestServer
  before(async () => {
    fresh = await freshDatabase('SQLite')
    server = await startTestServer(fresh.url)
  })
  after(async () => {
    await server.close()
    await fresh.drop()
  })

  it("the caller's trace stands in the log all the same", async () => {
    await server.call('GET', '/v1/users/me', { headers: { traceparent } })
    assert.equal(lineOf(server, '/v1/users/me').trace_id, callerTrace)
    assert.ok(!('span_id' in lineOf(server, '/v1/users/me')))
  })

  it('nothing else that calls itself a trace gets into the log', async () => {
    const zeros = '0'.repeat(32)
    const bad = ['', 'x', `00-${callerTrace}`, `ff-${callerTrace}-${callerSpan}-01`, `00-${zeros}-${callerSpan}-01`]
    for (const header of [...bad, `00-${callerTrace.toUpperCase()}-${callerSpan}-01`, `${traceparent}\ttab`]) {
      assert.equal(traceIdIn(header), null, header)
      await server.call('GET', '/v1/users/me', { headers: { traceparent: header } })
      assert.ok(!('trace_id' in lineOf(server, '/v1/users/me')), header)
    }
    assert.equal(traceIdIn(`01-${callerTrace}-${callerSpan}-01-more`), callerTrace)
    assert.equal(traceIdIn(undefined), null)
  })
})

describe('the variables of OpenTelemetry', () => {
  it('are refused with a sentence where they cannot be meant', () => {
    assert.throws(
      () => samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'sometimes' }),
      /use one of always_on, always_off/,
    )
    for (const OTEL_TRACES_SAMPLER_ARG of ['2', '-1', 'half']) {
      const variables = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG }
      assert.throws(() => samplerFromEnvironment(variables), /a share from 0 to 1/)
    }
    assert.throws(() => checkProtocol({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), /"grpc" is not spoken here/)
    checkProtocol({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' })
  })

  it('choose the sampler', () => {
    const name = (variables: Record<string, string>) => samplerFromEnvironment(variables).toString()
    assert.match(name({}), /^ParentBased\{root=AlwaysOnSampler/)
    assert.equal(name({ OTEL_TRACES_SAMPLER: 'always_off' }), 'AlwaysOffSampler')
    const share = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.05' }
    assert.match(name(share), /root=TraceIdRatioBased\{0\.05\}/)
    assert.match(name({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), /root=AlwaysOffSampler/)
    assert.match(name({ OTEL_TRACES_SAMPLER: 'traceidratio' }), /^TraceIdRatioBased\{1\}/)
    assert.equal(name({ OTEL_TRACES_SAMPLER: 'always_on' }), 'AlwaysOnSampler')
  })
})
