import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type App, createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createServer } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import { startApp } from '../../src/start.ts'
import { traceFields } from '../../src/tracing/current.ts'
import { openTracing } from '../../src/tracing/open.ts'
import { followClock, type TestClock, testClock } from './clock.ts'
import { quickDirectory } from './quick-directory.ts'

export type TestServer = {
  /** Where it listens, e.g. `http://127.0.0.1:31001`. */
  address: string
  app: App
  clock: TestClock
  /** Every line it logged, parsed. */
  log: Record<string, unknown>[]
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** Stops it and, unless `expectErrors`, fails if it logged an internal error or an undeclared answer. */
  close(): Promise<void>
}

export type CallOptions = {
  body?: unknown
  /** Sent as "Authorization: Bearer …". */
  token?: string
  headers?: Record<string, string>
}

// biome-ignore lint/suspicious/noExplicitAny: tests read answers field by field
export type Answer = { status: number; body: any; headers: Headers; text: string }

export const testMasterKey = createHash('sha256').update('the master key of the tests').digest('base64url')

export const goodPassword = 'engine of brass and steam'

export type TestServerOptions = {
  /** Settings by name without the prefix. */
  settings?: Record<string, string>
  clock?: TestClock
  /** That of the database, where it is another one; the same, unless told. */
  databaseClock?: TestClock
  dataDir?: string
  expectErrors?: boolean
  /** Any free one, unless told. */
  port?: number
  /** Hashes that cost next to nothing, below what operators may set: where no promise is about them. */
  quickHashes?: boolean
}

/** A whole server in this process, over real HTTP, on the given database; argon2id, because tests log in often. */
export async function startTestServer(databaseUrl: string, options: TestServerOptions = {}): Promise<TestServer> {
  const { settings = {}, clock = testClock(), expectErrors = false } = options
  const dataDir = options.dataDir ?? mkdtempSync(join(quickDirectory(), 'ntt-auth-data-'))
  const env: Record<string, string> = {
    NTT_AUTH_DATABASE_URL: databaseUrl,
    NTT_AUTH_DATA_DIR: dataDir,
    NTT_AUTH_MASTER_KEY: testMasterKey,
    NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
    NTT_AUTH_AUTO_MIGRATE: 'on',
    NTT_AUTH_PASSWORD_HASH: 'argon2id',
    NTT_AUTH_HASH_MAX_WAIT: '30s',
    NTT_AUTH_LOG_LEVEL: 'debug',
    // Suites hammer from one address; those about throttling set it to on.
    NTT_AUTH_RATE_LIMITS: 'off',
  }
  for (const [name, value] of Object.entries(settings)) env[`NTT_AUTH_${name}`] = value
  const { config: asSet } = loadConfig({ env, flags: {} })
  const cheapest = { passwordHash: { value: 'bcrypt' }, bcryptCost: { value: 4 } }
  const config: typeof asSet = options.quickHashes ? Object.create(asSet, cheapest) : asSet

  const log: Record<string, unknown>[] = []
  const destination = { write: (line: string) => log.push(JSON.parse(line)) }
  const lines = createLog(config.logLevel, destination, config.tracing ? traceFields : undefined)
  const app = await createApp(config, lines, clock, await openTracing(config.tracing, lines))
  followClock(app.database, options.databaseClock ?? clock)
  const stopFollowing = await startApp(app).catch(async (error) => {
    // Its connections would keep the test's process alive.
    await app.close()
    throw error
  })
  const server = await createServer(app)
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 })
  const address = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`

  return {
    address,
    app,
    clock,
    log,
    call: (method, path, callOptions) => call(address, method, path, callOptions),
    async close() {
      stopFollowing()
      await server.close()
      await app.close()
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true })
      const mistakes = log.filter(({ msg }) => msg === 'internal error' || msg === 'undeclared answer')
      if (mistakes.length > 0 && !expectErrors) throw new Error(`The server made mistakes: ${JSON.stringify(mistakes)}`)
    },
  }
}

export async function call(address: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { body, token, headers = {} } = options
  const response = await fetch(address + path, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : text }
}

let people = 0

/** A registered user with its first tokens. */
export async function registerSomebody(server: Pick<TestServer, 'call'>, email = `person-${++people}@example.com`) {
  const answer = await server.call('POST', '/v1/auth/register', { body: { email, password: goodPassword } })
  if (answer.status !== 201) throw new Error(`register answered ${answer.status}: ${answer.text}`)
  return { email, password: goodPassword, ...answer.body } as {
    email: string
    password: string
    access_token: string
    refresh_token: string
    session_id: string
    generation: number
    user: { id: string }
  }
}
