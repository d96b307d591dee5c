import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { retryCodeOf } from '../../src/database/retry-codes.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { systemAct } from '../../src/flows/acting.ts'
import { resetPassword } from '../../src/flows/reset-password.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { startPasswordReset } from '../../src/flows/start-password-reset.ts'
import { createManagementServer } from '../../src/http/management.ts'
import { metricsPage } from '../../src/http/metrics-page.ts'
import { routes } from '../../src/http/routes.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import { counters, type Entry, gauges, histograms } from '../../src/metrics/table.ts'
import { eventually, keyA, keyB, logIn, refresh, validate } from '../flows/flow-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { call, goodPassword, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

type Sample = { name: string; labels: Record<string, string>; value: number }

function parse(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line)
      assert.ok(match, line)
      const labels = [...(match[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
        name,
        value,
      ])
      return { name: match[1]!, labels: Object.fromEntries(labels), value: Number(match[3]) }
    })
}

onEachDatabase((_name, url) => {
  describe('the metrics', () => {
    let server: TestServer
    let management: Server
    let address: string
    const scrape = async () => parse((await call(address, 'GET', '/metrics')).text)
    const sumOf = async (name: string, labels: Record<string, string> = {}) =>
      (await scrape())
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
        .reduce((sum, { value }) => sum + value, 0)
    /** By how much a series grows while something happens. */
    const growth = async (name: string, labels: Record<string, string>, work: () => Promise<unknown>) => {
      const before = await sumOf(name, labels)
      await work()
      // A request is counted when its answer has left, which its caller may see a moment earlier.
      await eventually(async () => (await sumOf(name, labels)) > before)
      return (await sumOf(name, labels)) - before
    }

    before(async () => {
      server = await startTestServer(url(), { settings: { HASH_THREADS: '1' } })
      management = createManagementServer(server.app).listen(0, '127.0.0.1')
      await once(management, 'listening')
      address = `http://127.0.0.1:${(management.address() as AddressInfo).port}`
    })
    after(async () => {
      management?.close()
      await server?.close()
    })

    it('count logins by how they came out', async () => {
      const one = await registerSomebody(server)
      const wrong = (email: string) =>
        server.call('POST', '/v1/auth/login', { body: { email, password: 'the wrong one altogether' } })
      const logins = 'ntt_auth_logins_total'
      assert.equal(await growth(logins, { result: 'success' }, () => logIn(server, one.email)), 1)
      assert.equal(await growth(logins, { reason: 'bad_credentials' }, () => wrong(one.email)), 1)
      assert.equal(await growth(logins, { reason: 'unknown_user' }, () => wrong('nobody@example.com')), 1)
      assert.equal(await growth('ntt_auth_sessions_started_total', {}, () => logIn(server, one.email)), 1)
      assert.equal(
        await growth('ntt_auth_registrations_total', { result: 'taken' }, () =>
          server.call('POST', '/v1/auth/register', {
            body: { email: one.email, password: 'engine of brass and steam' },
          }),
        ),
        1,
      )
      assert.equal(
        await growth('ntt_auth_registrations_total', { result: 'success' }, () => registerSomebody(server)),
        1,
      )
    })

    it('tell a password that the policy refuses from a failure', async () => {
      const register = (password: string) =>
        server.call('POST', '/v1/auth/register', { body: { email: 'policy@example.com', password } })
      for (const password of ['short', 'password123', 'policy@example.com']) {
        const registrations = 'ntt_auth_registrations_total'
        assert.equal(await growth(registrations, { result: 'policy' }, () => register(password)), 1, password)
      }
    })

    it('count refreshes by what the token meant, and thefts in a series of their own', async () => {
      const one = await registerSomebody(server)
      const refreshed = 'ntt_auth_token_refresh_total'
      const results = async (result: string, token: string, key: string) =>
        growth(refreshed, { result }, () => refresh(server, token, key))
      assert.equal(await results('rotated', one.refresh_token, keyA), 1)
      assert.equal(await results('repeated', one.refresh_token, keyA), 1)
      assert.equal(await results('invalid', 'nttr_nonsense', keyA), 1)
      assert.equal(
        await growth('ntt_auth_refresh_reuse_detected_total', {}, async () =>
          assert.equal(await results('reuse', one.refresh_token, keyB), 1),
        ),
        1,
      )
      assert.equal(await results('ended', one.refresh_token, keyB), 1)
      assert.ok((await sumOf('ntt_auth_sessions_ended_total', { reason: 'refresh_token_reuse' })) >= 1)
    })

    it('count tokens by what they were given for, and a session where one begins', async () => {
      const email = 'tokens@example.com'
      const [issued, started] = ['ntt_auth_tokens_issued_total', 'ntt_auth_sessions_started_total']
      const given = async (grant: string, work: () => Promise<unknown>) => {
        const sessions = await sumOf(started)
        const refreshTokens = await sumOf(issued, { grant, type: 'refresh' })
        assert.equal(await growth(issued, { grant, type: 'access' }, work), 1, grant)
        assert.equal(await sumOf(issued, { grant, type: 'refresh' }), refreshTokens + 1, grant)
        return (await sumOf(started)) - sessions
      }
      assert.equal(await given('register', () => registerSomebody(server, email)), 1)
      let tokens: Record<string, string> = {}
      assert.equal(await given('login', async () => (tokens = (await logIn(server, email)).body)), 1)
      assert.equal(await given('refresh', () => refresh(server, tokens.refresh_token!, keyA)), 0)
      const change = { current_password: goodPassword, new_password: 'another engine of brass' }
      const token = tokens.access_token!
      assert.equal(
        await given('password_change', () => server.call('POST', '/v1/users/me/password', { token, body: change })),
        0,
      )
    })

    it('count passwords set by a link by how that came out', async () => {
      const resets = 'ntt_auth_password_resets_total'
      const { user } = await registerSomebody(server)
      const link = await startPasswordReset(server.app, systemAct, user.id)
      const reset = (token: string, newPassword: string) =>
        resetPassword(server.app, systemAct, { token, newPassword }).catch(() => undefined)
      const good = 'an engine of brass, again'
      assert.equal(await growth(resets, { result: 'policy' }, () => reset(link!.token, 'short')), 1)
      assert.equal(await growth(resets, { result: 'success' }, () => reset(link!.token, good)), 1)
      assert.equal(await growth(resets, { result: 'invalid_token' }, () => reset(link!.token, good)), 1)
    })

    it('time what goes to the database, and what waits for a connection', async () => {
      const { email } = await registerSomebody(server)
      const statements = 'ntt_auth_db_query_duration_seconds_count'
      for (const op of ['select', 'insert', 'update', 'begin', 'commit']) {
        assert.ok((await growth(statements, { op }, () => logIn(server, email))) >= 1, op)
      }
      const waits = 'ntt_auth_db_pool_wait_seconds_count'
      assert.ok((await growth(waits, {}, () => logIn(server, email))) >= 2)
      const mistake = () => sql.raw('select nothing from nowhere').execute(server.app.database.db)
      assert.ok((await growth(statements, { op: 'select' }, () => mistake().catch(() => undefined))) >= 1)
    })

    it('show who has a connection', async () => {
      const connections = (state: string) => sumOf('ntt_auth_db_pool_connections', { state })
      const used = await inTransaction(server.app.database, () => connections('used'))
      assert.ok(used >= 1)
      await eventually(async () => (await connections('used')) === 0 && (await connections('idle')) >= 1)
    })

    it('tell requests by route, method and status, and never by what a caller typed', async () => {
      const requests = 'http_server_request_duration_seconds_count'
      const one = await registerSomebody(server)
      const labels = { http_route: '/v1/auth/validate', http_request_method: 'GET', http_response_status_code: '200' }
      assert.equal(await growth(requests, labels, () => validate(server, one.access_token)), 1)
      const none = { http_route: 'none', http_response_status_code: '404' }
      assert.equal(await growth(requests, none, () => server.call('GET', `/made/up/${Math.random()}`)), 1)
      assert.equal(await growth(requests, { http_route: 'none' }, () => server.call('GET', '/%zz')), 1)
      await eventually(async () => (await sumOf('http_server_active_requests')) === 0)
    })

    it('tell of keys, revocations, hashing, the database, and the state of the server', async () => {
      const kid = server.app.keyring.signer()!.kid
      assert.equal(await sumOf('ntt_auth_signing_keys', { state: 'active' }), 1)
      server.clock.advance(60_000)
      assert.ok((await sumOf('ntt_auth_signing_key_age_seconds', { state: 'active' })) >= 60)
      await revokeKey(server.app, systemAct, kid)
      assert.ok((await sumOf('ntt_auth_revocations')) >= 1)
      assert.ok((await sumOf('ntt_auth_revocation_lag_seconds_count', { origin: 'here' })) >= 1)
      const hashes = 'ntt_auth_password_hash_duration_seconds_count'
      const hashed = { algorithm: 'argon2', op: 'hash' }
      assert.equal(await growth(hashes, hashed, () => registerSomebody(server, 'hashed@example.com')), 1)
      const verified = { algorithm: 'argon2', op: 'verify' }
      assert.equal(await growth(hashes, verified, () => logIn(server, 'hashed@example.com')), 1)
      const waits = 'ntt_auth_password_hash_wait_seconds_count'
      assert.equal(await growth(waits, {}, () => logIn(server, 'hashed@example.com')), 1)
      assert.equal(await sumOf('ntt_auth_password_hash_threads'), 1)
      assert.ok((await sumOf('ntt_auth_db_pool_connections', { state: 'max' })) >= 1)
      assert.ok((await sumOf('ntt_auth_schema_version')) >= 3)
      assert.equal(await sumOf('ntt_auth_build_info'), 1)
      assert.equal(await sumOf('ntt_auth_insecure_setting', { name: 'env' }), 1)
      assert.equal(await sumOf('ntt_auth_ready'), 1)
      assert.equal(await sumOf('ntt_auth_draining'), 0)
      assert.ok((await sumOf('process_start_time_seconds')) > 1e9)
    })

    it('show no delay of the event loop before one was measured, and sound ones from then on', async () => {
      const lag = (text: string) => parse(text).filter(({ name }) => name.startsWith('nodejs_eventloop_lag_'))
      // Asked for the first time, in a process that has not been watched.
      const page = metricsPage(server.app)
      for (let scrape = 0; scrape < 3; scrape++) {
        for (const { name, value } of lag((await page()).text)) assert.ok(value > 0 && value < 60, `${name} ${value}`)
      }
      await eventually(async () => lag((await page()).text).some(({ name }) => name.includes('p99')))
    })

    it('have only the labels and values of the table', async () => {
      const patterns = new Set(['none', ...routes.map(({ path }) => path)])
      const tables: Record<string, Entry> = { ...counters, ...histograms, ...gauges }
      for (const { name, labels } of await scrape()) {
        if (/^(process|nodejs)_/.test(name)) continue
        const entry = tables[name] ?? tables[name.replace(/_(bucket|sum|count)$/, '')]
        assert.ok(entry, `${name} is not in the table`)
        const { le, ...own } = labels
        if (le !== undefined) assert.ok(name.endsWith('_bucket'))
        assert.deepEqual(Object.keys(own).sort(), Object.keys(entry.labels ?? {}).sort(), name)
        for (const [label, value] of Object.entries(own)) {
          const known = entry.labels![label]!
          if (known === 'routes') assert.ok(patterns.has(value), `${name} ${value}`)
          else if (known.length > 0) assert.ok(known.includes(value), `${name} ${label}=${value}`)
        }
      }
    })

    it('have buckets that add up', async () => {
      const samples = await scrape()
      for (const { name, labels, value } of samples.filter((sample) => sample.labels.le === '+Inf')) {
        const { le: _, ...own } = labels
        const same = (other: Sample) => Object.entries(own).every(([label, each]) => other.labels[label] === each)
        const base = name.replace(/_bucket$/, '')
        assert.equal(samples.find((other) => other.name === `${base}_count` && same(other))!.value, value)
        const steps = samples.filter((other) => other.name === name && same(other)).map((other) => other.value)
        assert.deepEqual(
          steps,
          [...steps].sort((a, b) => a - b),
        )
      }
    })

    const promtool = spawnSync('promtool', ['--version']).error === undefined
    it('pass promtool', { skip: promtool ? false : 'promtool is not installed' }, async () => {
      const { text } = await call(address, 'GET', '/metrics')
      const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      // It dislikes names of prom-client's own.
      const complaints = stderr.split('\n').filter((line) => line !== '' && !/^(nodejs|process)_/.test(line))
      assert.deepEqual([complaints, status === 0 || status === 3], [[], true])
    })
  })
})

describe('the meter', () => {
  it('lets no caller make series: what is not in the list counts as the last of it', () => {
    const meter = createMeter()
    for (let index = 0; index < 1000; index++) {
      const labels = {
        http_request_method: `M${index}`,
        http_route: 'none',
        http_response_status_code: `${1000 + index}`,
      }
      meter.observe('http_server_request_duration_seconds', labels as never, 0.1)
      meter.count('ntt_auth_sessions_ended_total', { reason: `r${index}` as never })
    }
    const [cell, ...more] = [...meter.observed('http_server_request_duration_seconds')]
    assert.deepEqual([cell!.count, more.length], [1000, 0])
    assert.deepEqual(
      [...meter.counted('ntt_auth_sessions_ended_total')],
      [{ labels: { reason: 'other' }, value: 1000 }],
    )
  })

  it('knows the errors after which a transaction is repeated', () => {
    assert.equal(retryCodeOf({ errno: 1213, code: 'ER_LOCK_DEADLOCK' }), '1213')
    assert.equal(retryCodeOf({ code: '40001' }), '40001')
    assert.equal(retryCodeOf({ code: 'SQLITE_BUSY_SNAPSHOT' }), 'SQLITE_BUSY')
    assert.equal(retryCodeOf({ code: 'ECONNRESET' }), 'connection_lost')
    assert.equal(retryCodeOf({ code: 'what' }), 'other')
  })
})
