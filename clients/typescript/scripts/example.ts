/**
 * `npm run example`: the example page in a browser, with a server of its own. `npm run example -- express` (or fastify,
 * render, program) starts another one. Everything is thrown away at the end. The examples import the package by its name,
 * as it is published, so it is built before.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = fileURLToPath(new URL('..', import.meta.url))
const program = join(here, '../../server/bin/ntt-auth.js')
const names = ['browser', 'express', 'fastify', 'render', 'program']

const [name = 'browser', ...others] = process.argv.slice(2)
if (!names.includes(name) || others.length > 0) {
  console.error(`There are these examples: ${names.join(', ')}.`)
  process.exit(64)
}

const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-example-'))
const children: ChildProcess[] = []
function stop(status: number): never {
  for (const each of children) each.kill()
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  process.exit(status)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(0))

const [authPort, port] = [await freePort(), await freePort()]
const [authUrl, url] = [authPort, port].map((each) => `http://localhost:${each}`) as [string, string]
const serverEnv = {
  PATH: process.env.PATH ?? '',
  NTT_AUTH_DATA_DIR: dataDir,
  NTT_AUTH_PUBLIC_URL: authUrl,
  NTT_AUTH_CORS_ORIGINS: url,
}
try {
  await startServer()
  if (name === 'browser') await servePage()
  else await run(name)
} catch (error) {
  console.error((error as Error).message)
  stop(1)
}

async function startServer(): Promise<void> {
  const args = [program, 'serve', '--port', String(authPort), '--management-port', '0']
  const child = spawn(process.execPath, args, { env: serverEnv, stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  child.once('exit', () => {
    console.error(`The server has ended: ${said}`)
    stop(1)
  })
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${authUrl}/health/ready`).catch(() => null)
    if (answer?.ok) return console.log(`NTT Auth for this example: ${authUrl}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`The server did not start: ${said}`)
}

/** The page, and the client as one file beside it: what a bundler would do for yours. */
async function servePage(): Promise<void> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'ntt-auth-client'; export * from 'ntt-auth-client/cookies'", resolveDir: here },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  })
  const page = readFileSync(join(here, 'examples/browser/index.html'), 'utf8')
  const files: Record<string, [type: string, text: string]> = {
    '/': ['text/html; charset=utf-8', page.replace('http://127.0.0.1:8080', authUrl)],
    '/ntt-auth-client.js': ['text/javascript; charset=utf-8', outputFiles[0]!.text],
  }
  const server = createServer((request, response) => {
    const file = files[request.url!.split('?')[0]!]
    if (!file) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': file[0] }).end(file[1])
  })
  server.listen(port, 'localhost')
  await once(server, 'listening')
  console.log(`The page, whose origin the server knows by NTT_AUTH_CORS_ORIGINS: ${url}`)
  console.log('Ctrl-C ends it, and throws everything away.')
}

async function run(example: string): Promise<void> {
  console.log('An account and the credential of a service are made.')
  const account = { email: 'ada@example.com', password: 'engine of brass and steam' }
  const body = JSON.stringify(account)
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${authUrl}/v1/auth/register`, { method: 'POST', headers, body })
  const { access_token } = (await answer.json()) as { access_token: string }
  const create = [program, 'services', 'create', '--name', 'notes', '--scopes', 'revocations:read', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, create, { env: serverEnv })
  const { client_id, client_secret } = JSON.parse(stdout) as { client_id: string; client_secret: string }
  const env = {
    PATH: process.env.PATH ?? '',
    ISSUER: authUrl,
    CLIENT_ID: client_id,
    CLIENT_SECRET: client_secret,
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    PORT: String(port),
    LOGIN_FILE: join(dataDir, 'login.json'),
    AUTH_URL: authUrl,
    EMAIL: account.email,
    PASSWORD: account.password,
  }
  const child = spawn(process.execPath, [join(here, `examples/${example}.ts`)], { env, stdio: 'inherit' })
  children.push(child)
  child.once('exit', (status) => stop(status ?? 1))
  if (example === 'render') console.log(`Log in with ${account.email} and: ${account.password}`)
  if (example === 'express' || example === 'fastify') {
    console.log(`Try it: curl -H 'Authorization: Bearer ${access_token}' http://127.0.0.1:${port}/notes`)
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket().listen(0, 'localhost')
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return port
}
