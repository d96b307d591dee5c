import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { asBuilt } from './support/as-built.ts'
import { freePort } from './support/free-port.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```sh tour\n(.*?)^```/gms)].map((match) => match[1]!)
const notes = /^```js tour notes\.mjs\n(.*?)^```/ms.exec(readme)![1]!

const [port, notesPort] = [await freePort(), await freePort()]
const ports = (text: string) => text.replaceAll(':8080', `:${port}`).replaceAll('8090', String(notesPort))
const fence = '==== next block ===='

describe('the tour in the README', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-tour-'))
  const children: ReturnType<typeof spawn>[] = []
  let outputs: string[] = []

  before(async () => {
    const start = (...args: string[]) => {
      // A machine that is busy with other tests hashes slowly; here nobody is to be turned away for it.
      const env = { ...process.env, ...asBuilt, NTT_AUTH_HASH_MAX_WAIT: '30s' }
      const child = spawn(process.execPath, args, { cwd: directory, stdio: 'ignore', env })
      children.push(child)
    }
    start(join(root, 'server/bin/ntt-auth.js'), 'serve', '--port', String(port), '--management-port', '0')
    writeFileSync(join(directory, 'notes.mjs'), ports(notes))
    start('notes.mjs')
    await reachable(`http://127.0.0.1:${port}/health/ready`)
    await reachable(`http://127.0.0.1:${notesPort}/`)
    const script = blocks.map(ports).join(`\necho\necho '${fence}'\n`)
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: directory })
    outputs = stdout.split(`\n${fence}\n`)
  })

  after(async () => {
    await Promise.all(
      children.map((child) => {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill()
        return gone
      }),
    )
    rmSync(directory, { recursive: true, force: true })
  })

  const json = (block: number) => JSON.parse(outputs[block]!)

  it('registers', () => assert.equal(json(0).user.email, 'ada@example.com'))
  it('validates the access token of a login', () => assert.equal(json(2).active, true))
  it('refreshes', () => assert.equal(json(3).generation, 1))
  it('gets the same successor for the same token and key', () => {
    assert.equal(json(4).refresh_token, json(3).refresh_token)
  })
  it('loses the session to a second user of the token, and is told why', () => {
    assert.equal(json(5).code, 'session_ended')
    assert.equal(json(5).end_reason, 'refresh_token_reuse')
  })
  it('loses the access token as well', () => {
    assert.match(outputs[6]!, /^HTTP\/1\.1 401/)
    assert.match(outputs[6]!, /"token_revoked"/)
  })
  it('shows in the device list why the session ended', () => {
    const reasons = json(7).items.map((item: { end_reason: string | null }) => item.end_reason)
    assert.deepEqual(reasons, [null, 'refresh_token_reuse', null])
  })
  it('protects a route', () => {
    assert.match(outputs[8]!, /^The notes of [0-9a-f-]{36}\.\nLog in first\.$/m)
  })
})

async function reachable(url: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    await delay(25)
  }
  throw new Error(`${url} does not answer`)
}
