import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthClient } from '../src/index.ts'
import { hasChromium, startBrowser } from './support/browser.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, eventually } from './support/setup.ts'

const here = fileURLToPath(new URL('..', import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const issuer = 'https://auth.example.com'

describe('the examples, with the package as it is published and the real server', () => {
  let server: RealServer
  let service: { client_id: string; client_secret: string }
  const children: ChildProcess[] = []

  beforeAll(async () => {
    server = await startServer()
    service = JSON.parse(
      await server.cli('services', 'create', '--name', 'notes', '--scopes', 'revocations:read', '--json'),
    )
    await new AuthClient({ baseUrl: server.address }).register(ada)
  })
  afterAll(async () => {
    for (const each of children) each.kill('SIGKILL')
    await server.stop()
  })

  const environment = () => ({
    PATH: process.env.PATH ?? '',
    ISSUER: issuer,
    AUTH_URL: server.address,
    CLIENT_ID: service.client_id,
    CLIENT_SECRET: service.client_secret,
    PORT: '0',
    SESSION_SECRET: 'a secret of thirty-two characters',
  })

  it('have their types in order', () => {
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.examples.json'], { cwd: here, stdio: 'inherit' })
  })

  async function start(example: string): Promise<string> {
    const child = spawn(process.execPath, [`examples/${example}`], {
      cwd: here,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    for await (const line of createInterface({ input: child.stdout })) return line
    throw new Error(`${example} ended before it listened.`)
  }

  it.each(['express.ts', 'fastify.ts'])('%s lets a caller in, and locks it out when it logs out', async (example) => {
    const address = await start(example)
    const client = new AuthClient({ baseUrl: server.address })
    const { user } = await client.login(ada)
    const answer = await client.fetch(`${address}/notes`)
    expect(await answer.json()).toEqual({ owner: user.id, notes: [] })
    expect((await fetch(`${address}/notes`)).status).toBe(401)
    const authorization = `Bearer ${await client.getAccessToken()}`
    await client.logout()
    await eventually(async () => (await fetch(`${address}/notes`, { headers: { authorization } })).status === 401)
    const refusal = await fetch(`${address}/notes`, { headers: { authorization } })
    expect(await refusal.json()).toMatchObject({ code: 'token_revoked' })
  })

  it('are started by one command, which cleans up behind itself', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-command-'))
    const begin = (...args: string[]) => {
      const env = { PATH: process.env.PATH ?? '', TMPDIR: directory }
      const child = spawn(process.execPath, ['scripts/example.ts', ...args], { cwd: here, env, stdio: 'pipe' })
      children.push(child)
      let said = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (piece) => {
          said += piece
        })
      }
      return { child, said: () => said, ended: new Promise<number | null>((done) => child.once('exit', done)) }
    }
    try {
      const program = begin('program')
      expect([await program.ended, program.said()]).toEqual([
        0,
        expect.stringContaining('Logged in as ada@example.com.'),
      ])
      const unknown = begin('nothing')
      expect([await unknown.ended, unknown.said()]).toEqual([64, expect.stringContaining('browser, express')])
      const browser = begin()
      await eventually(() => /origin .*: http\S+/.test(browser.said()))
      const [url, authUrl] = [/origin .*: (http\S+)/, /example: (http\S+)/].map(
        (each) => each.exec(browser.said())![1]!,
      )
      const page = await (await fetch(url!)).text()
      expect(page).toContain(`'${authUrl}'`)
      const imported = /from '(\/[^']+)'/.exec(page)![1]
      expect(await (await fetch(url + imported!)).text()).toMatch(/class extends SessionClient/)
      const preflight = await fetch(`${authUrl}/v1/auth/login`, {
        method: 'OPTIONS',
        headers: { origin: url!, 'access-control-request-method': 'POST' },
      })
      expect(preflight.headers.get('access-control-allow-origin')).toBe(url)
      if (hasChromium) await clickThrough(url!)
      browser.child.kill('SIGTERM')
      expect(await browser.ended).toBe(0)
      expect(readdirSync(directory)).toEqual([])
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  /** The page as the command serves it: its own server, and the client as it is published. */
  async function clickThrough(url: string): Promise<void> {
    const chromium = await startBrowser()
    try {
      for (const delivery of ['body', 'cookie']) {
        const page = await (await chromium.newContext()).newPage()
        await page.goto(`${url}/?delivery=${delivery}`)
        await page.getByLabel('E-mail').fill(`${delivery}@example.com`)
        await page.getByLabel('Password', { exact: true }).fill(ada.password)
        await page.getByRole('button', { name: 'Register' }).press('Enter')
        await page.getByText(`Logged in as ${delivery}@example.com`).waitFor()
        // The button is gone, and the keyboard is not lost with it.
        expect(await page.evaluate('document.activeElement.id')).toBe('who')
        await page.reload()
        await page.getByText(`Logged in as ${delivery}@example.com`).waitFor()
        await page.getByRole('button', { name: 'Devices' }).click()
        await page.getByRole('log').getByText('this device').waitFor()
        await page.getByRole('button', { name: 'Log out' }).click()
        await page.getByRole('status').getByText('Nobody is logged in').waitFor()
      }
    } finally {
      await chromium.close()
    }
  }

  it('render.ts shows a page to whoever is logged in, and keeps it out of caches', async () => {
    const address = await start('render.ts')
    let cookie = ''
    const post = async (path: string, fields: Record<string, string> = {}) => {
      const body = new URLSearchParams(fields)
      const answer = await fetch(address + path, { method: 'POST', headers: { cookie }, body, redirect: 'manual' })
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
      return answer.status
    }
    const see = async () => {
      const answer = await fetch(address, { headers: { cookie } })
      expect(answer.headers.get('cache-control')).toBe('private, no-store')
      return answer.text()
    }
    expect(await see()).toContain('Log in')
    expect(await post('/login', { ...ada, password: 'a wrong one' })).toBe(400)
    expect(await post('/login', ada)).toBe(303)
    expect(await see()).toContain(`The notes of ${ada.email}.`)
    expect(await post('/logout')).toBe(303)
    expect(await see()).toContain('Log in')
  })

  it('program.ts logs in once, and is still logged in at its next run', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-program-'))
    const run = (more: Record<string, string>) =>
      new Promise<string>((resolve, reject) => {
        const env = { ...environment(), LOGIN_FILE: join(directory, 'login.json'), ...more }
        const child = spawn(process.execPath, ['examples/program.ts'], {
          cwd: here,
          env,
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        let said = ''
        child.stdout.on('data', (piece) => {
          said += piece
        })
        child.once('exit', (status) => (status === 0 ? resolve(said) : reject(new Error(`It ended with ${status}.`))))
      })
    try {
      expect(await run({ EMAIL: ada.email, PASSWORD: ada.password })).toBe(`Logged in as ${ada.email}.\n`)
      expect(await run({})).toBe(`Logged in as ${ada.email}.\n`)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
