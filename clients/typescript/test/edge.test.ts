import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { type MockAuthServer, mockAuthServer } from '../src/testing/index.ts'
import { ada } from './support/setup.ts'

const runtimes = fileURLToPath(new URL('../.runtimes/node_modules/@cloudflare/', import.meta.url))
const [found] = globSync('workerd-*/bin/workerd', { cwd: runtimes })
if (!found) console.error('SKIPPED: the package in workerd, because "npm run runtimes" was not called.')

/** The mock server behind a real address. */
async function served(mock: MockAuthServer): Promise<Server> {
  const server = createServer(async (request, response) => {
    const { method = 'GET', url } = request
    const headers = new Headers()
    for (const name of ['content-type', 'authorization', 'refresh-key']) {
      const value = request.headers[name]
      if (typeof value === 'string') headers.set(name, value)
    }
    const body = await text(request)
    const answer = await mock.fetch(mock.issuer + url, { method, headers, ...(body && { body }) })
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const inWorkerd = found ? describe : describe.skip
inWorkerd('the published package in workerd', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-edge-'))
  const mock = mockAuthServer({ issuer: 'https://auth.test' })
  let upstream: Server
  let child: ChildProcess
  let address: string
  beforeAll(async () => {
    mock.addUser(ada)
    upstream = await served(mock)
    const entryPoints = [fileURLToPath(new URL('./support/edge.mjs', import.meta.url))]
    const outfile = join(directory, 'worker.mjs')
    await build({ entryPoints, outfile, bundle: true, format: 'esm', target: 'es2022', external: ['node:*'] })
    const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "net", network = (allow = ["public", "private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  bindings = [(name = "AUTH", text = "http://127.0.0.1:${(upstream.address() as AddressInfo).port}")],
  compatibilityDate = "2026-11-01",
  globalOutbound = "net"
);`
    writeFileSync(join(directory, 'config.capnp'), config)
    const stdio = ['ignore', 'inherit', 'inherit', 'pipe'] as const
    child = spawn(runtimes + found, ['serve', join(directory, 'config.capnp'), '--control-fd=3'], { stdio: [...stdio] })
    let said = ''
    for await (const piece of child.stdio[3] as Readable) {
      said += piece
      const port = /"port":(\d+)/.exec(said)?.[1]
      if (port) {
        address = `http://127.0.0.1:${port}`
        break
      }
    }
  })
  afterAll(async () => {
    if (child?.exitCode === null && child.kill()) await once(child, 'exit')
    upstream?.close()
    upstream?.closeAllConnections()
    rmSync(directory, { recursive: true, force: true })
  })

  it('logs in, refreshes for several requests at once with one outcome, and logs out', async () => {
    let cookie = ''
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(address + path, { ...init, headers: { cookie } })
      const [set] = answer.headers.getSetCookie()
      return { body: await answer.json(), set: set?.split(';')[0] }
    }
    const login = await ask('/login', { method: 'POST', body: JSON.stringify(ada) })
    expect(login.body).toEqual({ generation: 0 })
    cookie = login.set!
    const refreshes = await Promise.all([1, 2, 3].map(() => ask('/refresh')))
    expect(refreshes.map(({ body }) => body)).toEqual([{ generation: 1 }, { generation: 1 }, { generation: 1 }])
    cookie = refreshes.find(({ set }) => set)!.set!
    expect((await ask('/')).body).toEqual({ generation: 1 })
    expect((await ask('/logout')).body).toEqual({ generation: null })
    expect((await ask('/refresh')).body).toMatchObject({ error: expect.stringContaining('ended') })
  })

  it('verifies tokens for many requests that come before there are keys', async () => {
    const authorization = `Bearer ${await mock.tokens.sign({ sub: 'user-1', sid: 'session-1' })}`
    const verify = async () => (await fetch(`${address}/verify`, { headers: { authorization } })).json()
    const said = await Promise.all(Array.from({ length: 10 }, verify))
    expect(said).toEqual(Array(10).fill({ sid: 'session-1' }))
    const fetched = mock.count('/.well-known/jwks.json')
    expect(await verify()).toEqual({ sid: 'session-1' })
    expect(mock.count('/.well-known/jwks.json')).toBe(fetched)
  })
})
