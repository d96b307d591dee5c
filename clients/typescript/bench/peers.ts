/**
 * What becomes of a login under faults, with this client and with others: the table in `README.md`. Each meets a server
 * that rotates refresh tokens; the others' refuses a used one, as most do, ours answers a retry to its key.
 * `node bench/peers.ts` installs the others under `.peers/` first.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { AuthClient, memoryStorage } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { directory, packages } from './install-peers.ts'
import { hour, shownIn, strictServer } from './strict-server.ts'

const { resolve } = createRequire(`${directory}/package.json`)
const load = async (name: string) => {
  const loaded = await import(resolve(name))
  return { ...loaded.default, ...loaded }
}

const realNow = Date.now
const realFetch = globalThis.fetch
let offsetMs = 0
Date.now = () => realNow() + offsetMs
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Fault = 'lose_reply' | 'offline' | { status: number; retryAfter: number }
type World = {
  /** How many requests for tokens arrived. */
  requests: number
  faults: Fault[]
  always: Fault | null
  fetch: typeof fetch
}
/** One login as several clients of one store see it. */
type Login = {
  connect(): { token(): Promise<string | null> }
  /** Makes the stored access token an old one. */
  expire(): Promise<unknown> | unknown
  world: World
}
type Peer = { name: string; login(given: { expired: boolean }): Promise<Login> }

/** A token endpoint of a strict server, with faults. */
function strictWorld(): World & { first: string } {
  const { first, refresh } = strictServer(realNow)
  const world: World & { first: string } = { requests: 0, faults: [], always: null, first, fetch: undefined as never }
  world.fetch = async (input, init) => {
    const request = new Request(input, init)
    if (!/token/.test(request.url)) return Response.json({}, { status: 404 })
    const fault = world.always ?? world.faults.shift()
    if (fault === 'offline') throw new TypeError('fetch failed')
    world.requests++
    const shown = shownIn(await request.text())
    await wait(20)
    if (fault && fault !== 'lose_reply') return answerOf(fault)
    const answer = refresh(shown)
    if (fault === 'lose_reply') throw new TypeError('fetch failed')
    return answer
  }
  return world
}

function answerOf({ status, retryAfter }: { status: number; retryAfter: number }): Response {
  return Response.json({ error: 'over_request_rate_limit' }, { status, headers: { 'retry-after': String(retryAfter) } })
}

const ours: Peer = {
  name: 'ntt-auth-client',
  async login({ expired }) {
    const clock = {
      wall: realNow,
      monotonic: () => performance.now(),
      sleep: (ms: number) => wait(ms).then(() => undefined),
    }
    const server = mockAuthServer({ clock, accessTokenTtl: hour })
    server.addUser({ email: 'ada@example.com', password: 'engine of brass and steam' })
    const world: World = { requests: 0, faults: [], always: null, fetch: undefined as never }
    world.fetch = async (input, init) => {
      if (!String(input).endsWith('/refresh')) return server.fetch(input, init)
      const fault = world.always ?? world.faults.shift()
      if (fault === 'offline') throw new TypeError('fetch failed')
      world.requests++
      await wait(20)
      if (fault && fault !== 'lose_reply') return answerOf(fault)
      const answer = await server.fetch(input, init)
      if (fault === 'lose_reply') throw new TypeError('fetch failed')
      return answer
    }
    const storage = memoryStorage()
    const connect = () => new AuthClient({ baseUrl: server.issuer, storage, storageKey: 'login', fetch: world.fetch })
    await connect().login({ email: 'ada@example.com', password: 'engine of brass and steam' })
    if (expired) await age(storage)
    return {
      world,
      expire: () => age(storage),
      connect() {
        const client = connect()
        return { token: () => client.getAccessToken().catch(() => null) }
      },
    }
  },
}

/** As if the access token had expired a minute ago. */
async function age(storage: ReturnType<typeof memoryStorage>): Promise<void> {
  const record = JSON.parse((await storage.get('login'))!)
  if (record.ended) return
  for (const name of ['rcv', 'exp', 'due']) record[name] -= hour + 60
  await storage.advance('login', JSON.stringify({ ...record, gen: record.gen + 1 }), record.gen + 1)
}

const authJs: Peer = {
  name: '@supabase/auth-js',
  async login({ expired }) {
    const { GoTrueClient } = await load('@supabase/auth-js')
    const world = strictWorld()
    const kept = new Map<string, string>()
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    }
    const expires_at = Math.floor(realNow() / 1000) + (expired ? -60 : hour)
    const session = { access_token: 'e30.e30.at', refresh_token: world.first, token_type: 'bearer', expires_in: hour }
    kept.set('login', JSON.stringify({ ...session, expires_at, user: { id: 'ada' } }))
    return {
      world,
      expire() {
        const stored = JSON.parse(kept.get('login') ?? 'null')
        if (stored) kept.set('login', JSON.stringify({ ...stored, expires_at: Math.floor(realNow() / 1000) - 60 }))
      },
      connect() {
        const options = { url: 'https://auth.test', storage, storageKey: 'login', fetch: world.fetch }
        const client = new GoTrueClient({
          ...options,
          autoRefreshToken: false,
          persistSession: true,
          detectSessionInUrl: false,
        })
        return {
          token: async () => {
            const { data } = await client.getSession()
            return data.session?.access_token ?? null
          },
        }
      },
    }
  },
}

const oidcClient: Peer = {
  name: 'oidc-client-ts',
  async login({ expired }) {
    const { UserManager, WebStorageStateStore, InMemoryWebStorage, User } = await load('oidc-client-ts')
    const world = strictWorld()
    globalThis.fetch = world.fetch
    const store = new InMemoryWebStorage()
    const authority = 'https://auth.test'
    const user = {
      access_token: 'at',
      refresh_token: world.first,
      token_type: 'Bearer',
      profile: { sub: 'ada' },
      expires_at: Math.floor(realNow() / 1000) + (expired ? -60 : hour),
    }
    const users = new WebStorageStateStore({ store })
    await users.set(`user:${authority}:app`, new User(user).toStorageString())
    return {
      world,
      async expire() {
        const stored = JSON.parse((await users.get(`user:${authority}:app`)) ?? 'null')
        const old = { ...stored, expires_at: Math.floor(realNow() / 1000) - 60 }
        if (stored) await users.set(`user:${authority}:app`, JSON.stringify(old))
      },
      connect() {
        const manager = new UserManager({
          authority,
          client_id: 'app',
          redirect_uri: 'https://app.test/',
          metadata: {
            issuer: authority,
            token_endpoint: `${authority}/token`,
            authorization_endpoint: `${authority}/a`,
          },
          userStore: new WebStorageStateStore({ store }),
          stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
          automaticSilentRenew: false,
        })
        return {
          // As its documentation has it: the user while it is good, else a silent sign-in.
          token: async () => {
            try {
              const known = await manager.getUser()
              const fresh = known && !known.expired ? known : await manager.signinSilent()
              return fresh?.access_token ?? null
            } catch {
              return null
            }
          },
        }
      },
    }
  },
}

const badgateway: Peer = {
  name: '@badgateway/oauth2-client',
  async login({ expired }) {
    const { OAuth2Client, OAuth2Fetch } = await load('@badgateway/oauth2-client')
    const world = strictWorld()
    globalThis.fetch = world.fetch
    let stored: { accessToken: string; refreshToken: string; expiresAt: number } = {
      accessToken: 'at',
      refreshToken: world.first,
      expiresAt: realNow() + (expired ? -60_000 : hour * 1000),
    }
    return {
      world,
      expire() {
        stored = { ...stored, expiresAt: realNow() - 60_000 }
      },
      connect() {
        const client = new OAuth2Client({ server: 'https://auth.test', clientId: 'app', tokenEndpoint: '/token' })
        const wrapper = new OAuth2Fetch({
          client,
          getNewToken: () => null,
          storeToken: (token: typeof stored) => {
            stored = token
          },
          getStoredToken: () => stored,
          scheduleRefresh: false,
        })
        return { token: () => wrapper.getAccessToken().catch(() => null) }
      },
    }
  },
}

const within = <T>(ms: number, work: Promise<T>) => Promise.race([work, wait(ms).then(() => 'late' as const)])
const ok = (values: (string | null)[]) => values.filter((each) => each !== null).length

type Scenario = [name: string, run: (peer: Peer) => Promise<string>]
/** Whether it is still logged in when the access token has expired once more and nothing fails. */
const kept = async ({ connect, world, expire }: Login) => {
  world.always = null
  await expire()
  return (await within(15_000, connect().token())) ? 'kept' : 'lost'
}
const scenarios: Scenario[] = [
  [
    '20 callers at once, expired token',
    async (peer) => {
      const { world, connect } = await peer.login({ expired: true })
      const client = connect()
      const values = await Promise.all(Array.from({ length: 20 }, () => client.token()))
      return `${world.requests} request${world.requests === 1 ? '' : 's'}, ${ok(values)}/20`
    },
  ],
  [
    '4 clients on one storage, expired token',
    async (peer) => {
      const login = await peer.login({ expired: true })
      const clients = Array.from({ length: 4 }, () => login.connect())
      const values = await Promise.all(clients.map((each) => each.token()))
      const count = login.world.requests
      return `${count} request${count === 1 ? '' : 's'}, ${ok(values)}/4, ${await kept(login)}`
    },
  ],
  [
    'the reply to a refresh is lost',
    async (peer) => {
      const login = await peer.login({ expired: true })
      login.world.faults = ['lose_reply']
      await within(15_000, login.connect().token())
      return kept(login)
    },
  ],
  [
    '429 with Retry-After: 7, expired token',
    async (peer) => {
      const login = await peer.login({ expired: true })
      login.world.faults = [{ status: 429, retryAfter: 7 }]
      const begun = performance.now()
      const answer = await within(20_000, login.connect().token())
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      return `${answer && answer !== 'late' ? 'token' : 'no token'} after ${seconds} s, ${await kept(login)}`
    },
  ],
  [
    'clock 65 min fast, TTL 60 min, 20 reads after one refresh',
    async (peer) => {
      const login = await peer.login({ expired: true })
      offsetMs = 65 * 60_000
      try {
        const client = login.connect()
        for (let read = 0; read < 20; read++) await client.token()
        return `${login.world.requests} refresh${login.world.requests === 1 ? '' : 'es'}`
      } finally {
        offsetMs = 0
      }
    },
  ],
  [
    'offline, expired token',
    async (peer) => {
      const login = await peer.login({ expired: true })
      login.world.always = 'offline'
      const begun = performance.now()
      await within(40_000, login.connect().token())
      return `answers after ${((performance.now() - begun) / 1000).toFixed(1)} s, ${await kept(login)}`
    },
  ],
]

async function size(source: string, resolveDir: string, platform: 'browser' | 'node' = 'browser'): Promise<string> {
  const options = { bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, platform } as const
  const { outputFiles } = await build({
    ...options,
    stdin: { contents: source, resolveDir, loader: 'ts' },
    logLevel: 'silent',
  })
  return `${(gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1024).toFixed(1)} KB`
}

const peers = [ours, authJs, oidcClient, badgateway]
const row = (cells: string[]) => console.log(`| ${cells.join(' | ')} |`)
row(['what happens', ...peers.map(({ name }) => (packages[name] ? `${name} ${packages[name]}` : name))])
row(['---', ...peers.map(() => '---')])
for (const [name, run] of scenarios) {
  const cells: string[] = []
  for (const peer of peers) {
    cells.push(await run(peer).catch((error) => `failed: ${error.message}`))
    globalThis.fetch = realFetch
  }
  row([name, ...cells])
}
console.log()
const here = fileURLToPath(new URL('../src', import.meta.url))
const sizes: [string, string, string][] = [
  ['ntt-auth-client', `export { AuthClient } from './index.ts'`, here],
  ['ntt-auth-client, SessionClient', `export { SessionClient } from './index.ts'`, here],
  ['ntt-auth-client/verify', `export * from './verify/index.ts'`, here],
  ['@supabase/auth-js', `export { GoTrueClient } from '@supabase/auth-js'`, directory],
  ['oidc-client-ts', `export { UserManager } from 'oidc-client-ts'`, directory],
  ['@badgateway/oauth2-client', `export { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client'`, directory],
  ['better-auth/client', `export { createAuthClient } from 'better-auth/client'`, directory],
  ['openid-client', `export * from 'openid-client'`, directory],
  ['@auth0/auth0-spa-js', `export { Auth0Client } from '@auth0/auth0-spa-js'`, directory],
]
for (const [name, source, from] of sizes) {
  row([
    name,
    packages[name.replace('/client', '')] ?? '',
    await size(source, from, name.endsWith('/verify') ? 'node' : 'browser').catch(
      (error) => error.message.split('\n')[0],
    ),
  ])
}
process.exit(0)
