import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { createServer as createSocket } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { AuthClient } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { hasChromium, startBrowser } from './support/browser.ts'
import { snippet, snippets, startProject } from './support/readme.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, eventually } from './support/setup.ts'

const here = fileURLToPath(new URL('..', import.meta.url))
const { resolve } = createRequire(import.meta.url)
const run = promisify(execFile)
const project = startProject()
const { directory } = project
const ported = [await freePort(), await freePort(), await freePort()] as const
const [sitePort, notesPort, renderPort] = ported
const site = `http://localhost:${sitePort}`
/** What reads `server`, `clock` and `auth` "as above". */
const world = `
  import { AuthClient } from 'ntt-auth-client'
  import { mockAuthServer, virtualClock } from 'ntt-auth-client/testing'
  const clock = virtualClock()
  const server = mockAuthServer({ clock })
  const user = server.addUser({ email: 'ada@example.com', password: 'engine of brass and steam' })
  const auth = new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock })\n`
const aboveThem = ['mock-faults.mjs', 'mock-admin.mjs']

let server: RealServer
const children: ChildProcess[] = []

beforeAll(async () => {
  server = await startServer({ CORS_ORIGINS: site })
  await new AuthClient({ baseUrl: server.address }).register(ada)
})
afterAll(async () => {
  for (const each of children) each.kill('SIGKILL')
  await server.stop()
  project.remove()
})

const local = (text: string) =>
  text
    .replaceAll(`issuer: 'http://127.0.0.1:8080'`, `issuer: 'https://auth.example.com', baseUrl: '${server.address}'`)
    .replaceAll('http://127.0.0.1:8080', server.address)
    .replaceAll('8090', String(notesPort))
    .replaceAll('8091', String(renderPort))

async function node(name: string, env: Record<string, string> = {}, ...flags: string[]): Promise<string> {
  const file = project.write(name, local((aboveThem.includes(name) ? world : '') + snippet(name)))
  const { stdout } = await run(process.execPath, [...flags, file], { env: { HOME: directory, ...env }, cwd: directory })
  return stdout
}

/** A server of the README, for as long as `work` takes. */
async function serving(name: string, port: number, env: Record<string, string>, work: (url: string) => Promise<void>) {
  const child = spawn(process.execPath, [project.write(name, local(snippet(name)))], { env, stdio: 'inherit' })
  children.push(child)
  const url = `http://127.0.0.1:${port}`
  try {
    await eventually(() =>
      fetch(url).then(
        () => true,
        () => child.exitCode !== null,
      ),
    )
    await work(url)
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}

describe('what the README shows', () => {
  it('has a name of its own each, by which it is tested here', () => {
    const own = readFileSync(fileURLToPath(import.meta.url), 'utf8')
    for (const name of snippets.keys())
      if (name !== 'sh') expect([name, own.includes(`'${name}'`)]).toEqual([name, true])
    expect(snippets.size).toBeGreaterThan(12)
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has its types in order with module %s and %s resolution', async (module, moduleResolution) => {
    const files: string[] = []
    for (const [name, text] of snippets) {
      // Plain JavaScript whose parameters a TypeScript program would give types.
      const isPlain = ['render.mjs', 'login-form.js'].includes(name)
      if (!/\.(m?js|ts)$/.test(name)) continue
      const file = isPlain ? `plain-${name}` : name.replace(/\.m?js$/, '.ts')
      const above = aboveThem.includes(name) ? world : ''
      files.push(`${module}/${file}`)
      project.write(`${module}/${file}`, above + text)
    }
    const compilerOptions = {
      ...{ target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable'], module, moduleResolution, types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
      ...{ allowJs: true, checkJs: false, skipLibCheck: true },
    }
    project.write(`tsconfig.${module}.json`, JSON.stringify({ compilerOptions, files }))
    const tsc = join(dirname(resolve('typescript/package.json')), 'bin/tsc')
    const said = await run(process.execPath, [tsc, '-p', `tsconfig.${module}.json`], { cwd: directory }).catch(
      (error) => error,
    )
    expect(said.stdout).toBe('')
  })

  it('runs: five minutes', async () => {
    const said = await node('five.mjs')
    expect(
      said
        .trim()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([...['initial', 'logged_in', 'grace@example.com', '200', 'logged_out user']])
  })

  it('runs: a program that is still logged in at its next run', async () => {
    expect(await node('program.mjs', { EMAIL: ada.email, PASSWORD: ada.password })).toBe(`${ada.email}\n`)
    expect(await node('program.mjs')).toBe(`${ada.email}\n`)
  })

  it.each(['notes.mjs', 'notes-fastify.mjs'])('runs: a service that is guarded, %s', async (name) => {
    await serving(name, notesPort, await credential(), async (url) => {
      const client = new AuthClient({ baseUrl: server.address })
      const { user } = await client.login(ada)
      expect((await fetch(`${url}/notes`)).status).toBe(401)
      expect(await (await client.fetch(`${url}/notes`)).text()).toBe(`The notes of ${user.id}.`)
    })
  })

  it('runs: the same with Hono', async () => {
    project.write('notes-hono.ts', local(snippet('notes-hono.ts')))
    const client = new AuthClient({ baseUrl: server.address })
    const { user } = await client.login(ada)
    const program = `
      const { default: app } = await import('./notes-hono.ts')
      const headers = { authorization: 'Bearer ' + process.env.TOKEN }
      console.log((await app.request('/notes')).status, await (await app.request('/notes', { headers })).text())
      process.exit()`
    const env = { ...(await credential()), TOKEN: await client.getAccessToken() }
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: directory, env })
    expect(stdout).toBe(`401 The notes of ${user.id}.\n`)
  })

  it('runs: pages from a server, which answers nobody by a 500', async () => {
    await serving('render.mjs', renderPort, { SESSION_SECRET: 'a secret of thirty-two characters' }, async (url) => {
      let cookie = ''
      const ask = async (path: string, fields?: Record<string, string>) => {
        const sent = fields && { method: 'POST', body: new URLSearchParams(fields) }
        const answer = await fetch(url + path, { headers: { cookie }, redirect: 'manual', ...sent })
        cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
        return [answer.status, answer.headers.get('location') ?? (await answer.text())]
      }
      expect(await ask('/')).toEqual([302, '/login'])
      expect(await ask('/login')).toEqual([200, expect.stringContaining('aria-label="Password"')])
      expect(await ask('/login', { ...ada, password: 'a wrong one, really' })).toEqual([401, expect.any(String)])
      expect(await ask('/login', ada)).toEqual([303, '/'])
      expect(await ask('/')).toEqual([200, `The notes of ${ada.email}.`])
      const other = new AuthClient({ baseUrl: server.address })
      await other.login(ada)
      await other.logout({ scope: 'all' })
      expect(await ask('/')).toEqual([302, '/login'])
    })
  })

  it('runs: the same with Hono, on a Request and headers', async () => {
    project.write('render-hono.ts', local(snippet('render-hono.ts')))
    const program = `
      import { createServerClient, webCookies } from 'ntt-auth-client/server'
      const { default: app } = await import('./render-hono.ts')
      const { status, headers } = await app.request('https://app.test/')
      const answer = new Headers()
      const cookies = webCookies(new Request('https://app.test/'), answer)
      const auth = createServerClient({ baseUrl: process.env.AUTH_URL, secret: process.env.SESSION_SECRET, ...cookies })
      await auth.login(${JSON.stringify(ada)})
      const cookie = answer.getSetCookie()[0].split(';')[0]
      const page = await app.request('https://app.test/', { headers: { cookie } })
      console.log(status, headers.get('location'), await page.text(), page.headers.get('cache-control'))`
    const env = { AUTH_URL: server.address, SESSION_SECRET: 'a secret of thirty-two characters' }
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: directory, env })
    expect(stdout).toBe(`302 /login The notes of ${ada.email}. private, no-store\n`)
  })

  it('runs: an administrator who opens accounts again', async () => {
    const root = { email: 'root@example.com', password: ada.password }
    const [token] = /ntto_[\w-]+/.exec(await server.cli('create-admin', '--email', root.email, '--link', '--json'))!
    await new AuthClient({ baseUrl: server.address }).resetPassword({ token, new_password: root.password })
    await new AuthClient({ baseUrl: server.address }).register({ ...ada, email: 'closed@example.com' })
    await server.cli('users', 'disable', 'closed@example.com')
    const env = { EMAIL: root.email, PASSWORD: root.password }
    expect(await node('admin.mjs', env)).toBe('closed@example.com\n')
    expect(await node('admin.mjs', env)).toBe('')
  })

  it('runs: a form that says what went wrong', async () => {
    const file = project.write('login-form.js', snippet('login-form.js'))
    const { logIn } = await import(file)
    const mock = mockAuthServer()
    mock.addUser(ada)
    const auth = new AuthClient({ baseUrl: mock.issuer, fetch: mock.fetch })
    expect(await logIn(auth, ada.email, 'another password')).toBe('The address or the password is wrong.')
    mock.script('*', { do: 'refuse', code: 'rate_limited', retryAfter: 30 })
    expect(await logIn(auth, ada.email, ada.password)).toBe('Please try again in 30 seconds.')
    expect(await logIn(auth, ada.email, ada.password)).toBeUndefined()
    await expect(logIn(null, ada.email, ada.password)).rejects.toThrow(TypeError)
  })

  it('can be bundled for a page', async () => {
    const file = project.write('cookie-page.js', snippet('cookie-page.js'))
    const { outputFiles } = await build({ entryPoints: [file], bundle: true, format: 'esm', write: false })
    expect(outputFiles[0]!.text).not.toMatch(/^import /m)
    expect(outputFiles[0]!.text).toContain('https://auth.example.com')
  })

  const inBrowser = hasChromium ? it : it.skip
  inBrowser('runs: a page without a bundler', async () => {
    const page = local(snippet('page.html'))
    const files = createServer((request, response) => {
      const path = request.url!.split('?')[0]!
      const type = extname(path) === '.js' ? 'text/javascript' : 'text/html; charset=utf-8'
      if (path === '/favicon.ico') return void response.writeHead(404).end()
      const file = path === '/' ? page : readFileSync(join(here, path.replace('/node_modules/ntt-auth-client', '')))
      response.writeHead(200, { 'content-type': type }).end(file)
    }).listen(sitePort, 'localhost')
    const browser = await startBrowser()
    try {
      const tab = await browser.newPage()
      const says = (words: string) => eventually(async () => (await tab.textContent('#who')) === words)
      await tab.goto(site)
      await says('Nobody is logged in')
      await tab.evaluate(
        async ([baseUrl, ada]) => {
          const name = 'ntt-auth-client'
          const { AuthClient } = await import(name)
          await new AuthClient({ baseUrl }).login(ada)
        },
        [server.address, ada] as const,
      )
      await tab.reload()
      await says(`Welcome back, ${ada.email}`)
    } finally {
      await browser.close()
      files.close()
      files.closeAllConnections()
    }
  })
})

describe('what the README shows of tests', () => {
  it('runs with node:test', async () => {
    expect(await node('session.test.mjs', {}, '--test')).toMatch(/pass 1\b[\s\S]+fail 0\b/)
  })

  it('scripts faults', async () => {
    const more = `
      const statuses = []
      for (const path of ['/v1/users/me', '/v1/users/me', '/v1/users/me']) {
        const { status, headers } = await server.fetch(server.issuer + path)
        statuses.push(status, headers.get('retry-after'))
      }
      console.log(JSON.stringify(statuses))`
    const file = project.write('faults.mjs', world + snippet('mock-faults.mjs') + more)
    const { stdout } = await run(process.execPath, [file])
    expect(JSON.parse(stdout)).toEqual([503, '3', 503, null, 401, null])
  })

  it('has administrators', async () => {
    const more = `console.log((await admin.users.get(user.id)).status)`
    const file = project.write('mock-admin.mjs', world + snippet('mock-admin.mjs') + more)
    expect((await run(process.execPath, [file])).stdout).toBe('disabled\n')
  })

  const aTest = `
    const { AuthClient } = require('ntt-auth-client')
    const { mockAuthServer, virtualClock } = require('ntt-auth-client/testing')
    test('an answer that is lost costs no session', async () => {
      const clock = virtualClock()
      const server = mockAuthServer({ clock })
      const user = server.addUser({ email: 'ada@example.com', password: 'engine of brass and steam' })
      const auth = new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock })
      await auth.login({ email: 'ada@example.com', password: 'engine of brass and steam' })
      server.script('/v1/auth/refresh', { do: 'lose_reply' })
      await clock.advance(3_600_000)
      expect((await auth.getUser({ fresh: true })).id).toBe(user.id)
    })`
  /** @returns what Jest says of a test in CommonJS */
  async function jest(configuration: object, ...flags: string[]): Promise<string> {
    const config = { testMatch: ['**/commonjs.test.cjs'], transform: {}, ...configuration }
    project.write('commonjs.test.cjs', aTest)
    const file = project.write('jest.config.json', JSON.stringify(config))
    // The package lies in `node_modules`, as it does for everybody who installs it.
    const args = [...flags, resolve('jest/bin/jest'), '--config', file, '--no-cache', '--rootDir', directory]
    const { stderr } = await run(process.execPath, args, { cwd: directory }).catch((error) => error)
    return stderr
  }
  const compiled = {
    transform: {
      '\\.js$': ['babel-jest', { configFile: false, plugins: [resolve('@babel/plugin-transform-modules-commonjs')] }],
    },
    transformIgnorePatterns: ['/node_modules/(?!ntt-auth-client/)'],
  }

  it('runs with Jest and CommonJS by one flag, or compiled, and not without', async () => {
    expect(await jest({})).toMatch(/Must use import|Cannot use import/)
    expect(await jest({}, '--experimental-vm-modules')).toMatch(/1 passed/)
    expect(await jest(compiled)).toMatch(/1 passed/)
  })

  it('runs where Jest hides fetch and crypto, once they are given back', async () => {
    const names = [
      'fetch',
      'Request',
      'Response',
      'Headers',
      'AbortController',
      'AbortSignal',
      'crypto',
      'TextEncoder',
      'TextDecoder',
    ]
    const hiding = `
      const { TestEnvironment } = require('${resolve('jest-environment-node')}')
      exports.__esModule = true
      exports.TestEnvironment = class extends TestEnvironment {
        constructor(...given) { super(...given); for (const name of ${JSON.stringify(names)}) delete this.global[name] }
      }
      exports.default = exports.TestEnvironment`
    project.write('node_modules/jest-environment-jsdom/index.js', hiding)
    project.write('jsdom-with-fetch.cjs', snippet('jsdom-with-fetch.cjs'))
    const flag = '--experimental-vm-modules'
    const bare = await jest({ testEnvironment: 'jsdom' }, flag)
    expect(bare).toMatch(/1 failed/)
    expect(bare).toMatch(/mockAuthServer needs/)
    expect(await jest({ testEnvironment: './jsdom-with-fetch.cjs' }, flag)).toMatch(/1 passed/)
  })
})

async function credential(): Promise<{ CLIENT_ID: string; CLIENT_SECRET: string }> {
  const name = `notes-${Date.now()}`
  const made = await server.cli('services', 'create', '--name', name, '--scopes', 'revocations:read', '--json')
  const { client_id, client_secret } = JSON.parse(made)
  return { CLIENT_ID: client_id, CLIENT_SECRET: client_secret }
}

async function freePort(): Promise<number> {
  const socket = createSocket().listen(0, 'localhost')
  await once(socket, 'listening')
  const { port } = socket.address() as { port: number }
  await new Promise((done) => socket.close(done))
  return port
}
