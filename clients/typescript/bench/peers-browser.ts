/**
 * The same comparison in tabs of a real Chromium, for the clients that are made for browsers: each rests where it does by
 * default (ours in IndexedDB, the others in localStorage). `node bench/peers-browser.ts`
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import type { BrowserContext, Page } from 'playwright-core'
import { mockAuthServer } from '../src/testing/index.ts'
import { bundle, startBrowser } from '../test/support/browser.ts'
import { directory, packages } from './install-peers.ts'
import { hour, shownIn, strictServer } from './strict-server.ts'

declare const window: { token(): Promise<string | null>; offset: number }

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const within = <T>(ms: number, work: Promise<T>) => Promise.race([work, wait(ms).then(() => 'late' as const)])
const user = { email: 'ada@example.com', password: 'engine of brass and steam' }

/** What becomes of the next refresh. */
type Fault = 'lose_reply' | 'delay'
type World = { origin: string; requests: number; rotated: number; faults: Fault[]; first: string; close(): void }

/** A site and its server: `/token` takes each refresh token once, `/v1/…` is ours. */
async function startWorld(script: string): Promise<World> {
  const strict = strictServer(Date.now)
  const ours = mockAuthServer({ issuer: 'http://127.0.0.1', accessTokenTtl: hour })
  ours.addUser(user)
  const world: World = { origin: '', requests: 0, rotated: 0, faults: [], first: strict.first, close: () => undefined }

  const answerTo = async (request: IncomingMessage, body: string): Promise<Response> => {
    const path = request.url!.split('?')[0]!
    if (path === '/client.js') return new Response(script, { headers: { 'content-type': 'text/javascript' } })
    if (path === '/token') return strict.refresh(shownIn(body))
    if (!path.startsWith('/v1/')) return new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })
    const { method = 'GET' } = request
    const headers = Object.entries(request.headers).filter(([name]) =>
      /^(authorization|refresh-key|content-)/.test(name),
    )
    return ours.fetch(`http://127.0.0.1${request.url}`, {
      method,
      headers: Object.fromEntries(headers.filter(([name]) => name !== 'content-length')) as Record<string, string>,
      ...(body && { body }),
    })
  }
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const isRefresh = /^\/(token|v1\/auth\/refresh)/.test(request.url!)
    const fault = isRefresh ? world.faults.shift() : undefined
    if (isRefresh) {
      world.requests++
      await wait(20)
    }
    const answer = await answerTo(request, String(Buffer.concat(pieces)))
    if (isRefresh) world.rotated++
    if (fault === 'lose_reply') return void request.socket.destroy()
    if (fault === 'delay') await wait(3000)
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()))
  }
  const server = createServer((request, response) => void handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  world.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  world.close = () => {
    server.close()
    server.closeAllConnections()
  }
  return world
}

type Peer = {
  name: string
  /** What is loaded as `/client.js`. */
  script(): Promise<string>
  /** In the first tab, before any client is made. */
  seed(page: Page, world: World): Promise<unknown>
  /** Makes a client and `window.token`. */
  start(page: Page): Promise<unknown>
  /** Makes the stored access token an old one, for all tabs. */
  expire(pages: Page[]): Promise<unknown>
}

const bundled = (source: string) => async () => {
  const stdin = { contents: source, resolveDir: directory, loader: 'ts' } as const
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false, logLevel: 'silent' })
  return outputFiles[0]!.text
}

const ours: Peer = {
  name: 'ntt-auth-client',
  script: bundle,
  seed: (page) =>
    page.evaluate(async (user) => {
      const module = '/client.js'
      const { AuthClient } = await import(module)
      const client = new AuthClient({ baseUrl: location.origin })
      await client.login(user)
      await client.close()
    }, user),
  start: (page) =>
    page.evaluate(async () => {
      const module = '/client.js'
      const { AuthClient } = await import(module)
      window.offset = 0
      const clock = {
        wall: () => Date.now() + window.offset,
        monotonic: () => performance.now(),
        sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
      }
      const client = new AuthClient({ baseUrl: location.origin, clock })
      client.onChange(() => undefined)
      window.token = () => client.getAccessToken().catch(() => null)
      await client.ready()
    }),
  // Its record says when the token came; the clock goes on instead.
  expire: (pages) =>
    Promise.all(
      pages.map((page) =>
        page.evaluate(() => {
          window.offset += 3_700_000
        }),
      ),
    ),
}

/** Rewrites what is stored in localStorage. */
const expireIn =
  (key: string) =>
  async ([page]: Page[]) =>
    page!.evaluate((key) => {
      const stored = JSON.parse(localStorage.getItem(key) ?? 'null')
      const expires_at = Math.floor(Date.now() / 1000) - 60
      if (stored) localStorage.setItem(key, JSON.stringify({ ...stored, expires_at }))
    }, key)

const authJs: Peer = {
  name: '@supabase/auth-js',
  script: bundled(`export { GoTrueClient } from '@supabase/auth-js'`),
  seed: (page, { first }) =>
    page.evaluate((refresh_token) => {
      const expires_at = Math.floor(Date.now() / 1000) + 3600
      const tokens = { access_token: 'e30.e30.at', refresh_token, token_type: 'bearer', expires_in: 3600, expires_at }
      localStorage.setItem('login', JSON.stringify({ ...tokens, user: { id: 'ada' } }))
    }, first),
  start: (page) =>
    page.evaluate(async () => {
      const module = '/client.js'
      const { GoTrueClient } = await import(module)
      const client = new GoTrueClient({ url: location.origin, storageKey: 'login', detectSessionInUrl: false })
      window.token = async () => (await client.getSession()).data.session?.access_token ?? null
      await window.token()
    }),
  expire: expireIn('login'),
}

const oidcClient: Peer = {
  name: 'oidc-client-ts',
  script: bundled(`export { UserManager, WebStorageStateStore, User } from 'oidc-client-ts'`),
  seed: (page, { first }) =>
    page.evaluate(async (refresh_token) => {
      const module = '/client.js'
      const { User } = await import(module)
      const expires_at = Math.floor(Date.now() / 1000) + 3600
      const tokens = { access_token: 'at', refresh_token, token_type: 'Bearer', profile: { sub: 'ada' }, expires_at }
      localStorage.setItem(`oidc.user:${location.origin}:app`, new User(tokens).toStorageString())
    }, first),
  start: (page) =>
    page.evaluate(async () => {
      const module = '/client.js'
      const { UserManager, WebStorageStateStore } = await import(module)
      const manager = new UserManager({
        authority: location.origin,
        client_id: 'app',
        redirect_uri: `${location.origin}/`,
        metadata: { issuer: location.origin, token_endpoint: '/token', authorization_endpoint: '/a' },
        userStore: new WebStorageStateStore({ store: localStorage }),
      })
      // As its documentation has it: the user while it is good, else a silent sign-in.
      window.token = async () => {
        try {
          const known = await manager.getUser()
          const fresh = known && !known.expired ? known : await manager.signinSilent()
          return fresh?.access_token ?? null
        } catch {
          return null
        }
      }
      await window.token()
    }),
  expire: ([page]) => page!.evaluate(() => `oidc.user:${location.origin}:app`).then((key) => expireIn(key)([page!])),
}

const browser = await startBrowser()
const tokens = (page: Page, count: number) =>
  page.evaluate(
    async (count) => (await Promise.all(Array.from({ length: count }, () => window.token()))).map(Boolean),
    count,
  )
const answered = (answers: boolean[]) => answers.filter(Boolean).length

type Setup = { peer: Peer; world: World; context: BrowserContext; tabs: Page[] }
/** Logged in, in so many tabs, with an access token that has expired. */
async function setup(peer: Peer, count: number): Promise<Setup> {
  const world = await startWorld(await peer.script())
  const context = await browser.newContext()
  const tabs: Page[] = []
  for (let each = 0; each < count; each++) {
    const page = await context.newPage()
    await page.goto(`${world.origin}/empty`)
    if (each === 0) await peer.seed(page, world)
    tabs.push(page)
  }
  for (const page of tabs) await peer.start(page)
  await peer.expire(tabs)
  return { peer, world, context, tabs }
}
/** Whether it is still logged in when the access token has expired once more and nothing fails. */
async function kept({ peer, world }: Setup, tabs: Page[]): Promise<string> {
  world.faults = []
  await peer.expire(tabs)
  const answer = await within(20_000, tokens(tabs[0]!, 1))
  return answer !== 'late' && answer[0] ? 'kept' : '**lost**'
}

const scenarios: [string, tabs: number, run: (setup: Setup) => Promise<string>][] = [
  [
    'six tabs, 20 callers each, expired token',
    6,
    async (setup) => {
      const answers = (await Promise.all(setup.tabs.map((each) => tokens(each, 20)))).flat()
      const { requests } = setup.world
      return `${requests} request${requests === 1 ? '' : 's'}, ${answered(answers)}/120, ${await kept(setup, setup.tabs)}`
    },
  ],
  [
    'two tabs, the reply to a refresh is lost',
    2,
    async (setup) => {
      setup.world.faults = ['lose_reply']
      await within(20_000, Promise.all(setup.tabs.map((each) => tokens(each, 3))))
      return kept(setup, setup.tabs)
    },
  ],
  [
    'a tab is closed while its refresh is under way, another goes on',
    2,
    async (setup) => {
      const [dying, other] = setup.tabs as [Page, Page]
      setup.world.faults = ['delay']
      await dying.evaluate(() => void window.token())
      while (setup.world.rotated === 0) await wait(10)
      await dying.close()
      await within(20_000, tokens(other, 1))
      return kept(setup, [other])
    },
  ],
  [
    'the network is away when the token expires, and comes back',
    1,
    async (setup) => {
      const [tab] = setup.tabs as [Page]
      await setup.context.setOffline(true)
      const begun = performance.now()
      await within(40_000, tokens(tab, 1))
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      await setup.context.setOffline(false)
      const back = performance.now()
      // Some do not ask again for a minute.
      let token = false
      while (!token && performance.now() - back < 90_000) {
        const answer = await within(20_000, tokens(tab, 1))
        token = answer !== 'late' && answer[0]!
        if (!token) await wait(500)
      }
      const later = token ? `token ${((performance.now() - back) / 1000).toFixed(1)} s later` : 'no token in 90 s'
      return `answers after ${seconds} s; ${later}, ${await kept(setup, setup.tabs)}`
    },
  ],
]

const peers = [ours, authJs, oidcClient]
const row = (cells: string[]) => console.log(`| ${cells.join(' | ')} |`)
row(['in tabs of Chromium', ...peers.map(({ name }) => (packages[name] ? `${name} ${packages[name]}` : name))])
row(['---', ...peers.map(() => '---')])
for (const [name, count, run] of scenarios) {
  const cells: string[] = []
  for (const peer of peers) {
    const made = await setup(peer, count)
    cells.push(await run(made).catch((error) => `failed: ${error.message.split('\n')[0]}`))
    await made.context.close()
    made.world.close()
  }
  row([name, ...cells])
}
await browser.close()
process.exit(0)
