import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from './flows/flow-server.ts'
import { asBuilt } from './support/as-built.ts'
import { databases, freshDatabase } from './support/databases.ts'
import { freePort } from './support/free-port.ts'
import { call, goodPassword, registerSomebody, testMasterKey } from './support/server.ts'

const program = fileURLToPath(new URL('../bin/ntt-auth.js', import.meta.url))

/** The processes that a process has started. Linux only, as the tests of the supervisor are. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

for (const { name, available, why } of databases.filter((each) => each.name !== 'SQLite')) {
  describe(`two workers on ${name}`, { skip: available ? false : why }, () => {
    let fresh: Awaited<ReturnType<typeof freshDatabase>>
    let dataDir: string
    let supervisor: ChildProcess
    let address: string
    let said = ''
    let managementPort: number

    before(async () => {
      // The first start of several processes at once.
      fresh = await freshDatabase(name, { bare: true })
      dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-workers-'))
      // Each worker has one of its own, from the first on.
      managementPort = await freePort(2)
      const env = {
        // Measured on one of the two.
        ...(name === 'PostgreSQL' && asBuilt),
        PATH: process.env.PATH ?? '',
        NTT_AUTH_WORKERS: '2',
        NTT_AUTH_PORT: '0',
        NTT_AUTH_MANAGEMENT_PORT: String(managementPort),
        NTT_AUTH_DATABASE_URL: fresh.url,
        NTT_AUTH_DATA_DIR: dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
        NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
        NTT_AUTH_AUTO_MIGRATE: 'on',
        NTT_AUTH_PASSWORD_HASH: 'argon2id',
        NTT_AUTH_HASH_MAX_WAIT: '30s',
      }
      supervisor = spawn(process.execPath, [program, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      supervisor.stdout!.on('data', (piece) => (said += piece))
      supervisor.stderr!.on('data', (piece) => (said += piece))
      // Written last, and in pieces.
      const isUp = () => /listens on http:\S+/.test(said) && said.includes(`:${managementPort + 1}`)
      await eventually(() => isUp() || supervisor.exitCode !== null, 40_000)
      address = /listens on (http:\S+)/.exec(said)?.[1] ?? assert.fail(said)
    })
    after(async () => {
      if (supervisor.exitCode === null) supervisor.kill('SIGKILL')
      rmSync(dataDir, { recursive: true, force: true })
      await fresh.drop()
    })

    const server = {
      call: (...rest: Parameters<typeof call> extends [string, ...infer Rest] ? Rest : never) => call(address, ...rest),
    }
    /** On a connection of its own, so that the workers take turns. */
    const ask = (method: string, path: string, token: string, body?: object) =>
      server.call(method, path, { token, headers: { connection: 'close' }, ...(body && { body }) })
    const answersOf = async (token: string) => {
      const answers = []
      for (let round = 0; round < 6; round++) answers.push((await ask('GET', '/v1/auth/validate', token)).status)
      return answers
    }

    it('serve behind one port, and need nobody to stick to one of them', async () => {
      assert.equal(childrenOf(supervisor.pid!).length, 2)
      assert.match(said, /Workers +2, each with a management listener/)
      const person = await registerSomebody(server, 'somebody@example.com')
      assert.deepEqual(new Set(await answersOf(person.access_token)), new Set([200]))
      await ask('POST', '/v1/auth/logout', person.access_token, { scope: 'this' })
      await eventually(async () => (await answersOf(person.access_token)).every((status) => status === 401))
    })

    it('count each for itself on a port of its own, and together everything', async () => {
      const ports = [managementPort, managementPort + 1]
      for (const port of ports) assert.match(said, new RegExp(`management listener.* http://127\\.0\\.0\\.1:${port}`))
      const scrape = async (series: string) => {
        const figures = ports.map(async (port) => {
          const { text } = await call(`http://127.0.0.1:${port}`, 'GET', '/metrics')
          const lines = text.split('\n').filter((line) => line.startsWith(series))
          return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
        })
        return Promise.all(figures)
      }
      const sum = ([one, other]: number[]) => one! + other!
      const person = await registerSomebody(server, 'counted@example.com')
      const validated =
        'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/v1/auth/validate"'
      const failed = 'ntt_auth_logins_total{method="password",result="failure",reason="unknown_user"}'
      const [before, failedBefore] = [await scrape(validated), await scrape(failed)]
      for (let round = 0; round < 20; round++) await ask('GET', '/v1/auth/validate', person.access_token)
      for (let round = 0; round < 4; round++) {
        await ask('POST', '/v1/auth/login', '', { email: `nobody-${round}@example.com`, password: goodPassword })
      }
      await eventually(async () => sum(await scrape(validated)) - sum(before) >= 20)
      const after = await scrape(validated)
      assert.equal(sum(after) - sum(before), 20)
      for (const worker of [0, 1]) assert.ok(after[worker]! > before[worker]!, `worker ${worker} served nothing`)
      assert.equal(sum(await scrape(failed)) - sum(failedBefore), 4)
      assert.deepEqual(await scrape('ntt_auth_ready '), [1, 1])
    })

    it('replace one that died, and go on serving meanwhile', async () => {
      const person = await registerSomebody(server, 'another@example.com')
      const [victim, other] = childrenOf(supervisor.pid!)
      process.kill(victim!, 'SIGKILL')
      await eventually(() => !childrenOf(supervisor.pid!).includes(victim!))
      assert.ok(childrenOf(supervisor.pid!).includes(other!))
      // A connection that had been dealt to the dead one may break; a new one goes to a living one.
      await eventually(
        async () => (await ask('GET', '/v1/auth/validate', person.access_token).catch(() => null))?.status === 200,
      )
      await eventually(() => childrenOf(supervisor.pid!).length === 2, 20_000)
      assert.match(said, /worker_died/)
      await eventually(async () => new Set(await answersOf(person.access_token)).size === 1, 20_000)
    })

    it('stop together in order when the supervisor is told to', async () => {
      const workers = childrenOf(supervisor.pid!)
      supervisor.kill('SIGTERM')
      const [code] = await once(supervisor, 'exit')
      assert.equal(code, 0, said)
      assert.deepEqual(workers.filter(isAlive), [])
    })
  })
}

it('refuses more than one worker on the embedded database, and says what to do', async () => {
  const child = spawn(process.execPath, [program, 'serve'], {
    env: { ...asBuilt, PATH: process.env.PATH ?? '', NTT_AUTH_WORKERS: '2' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece) => (said += piece))
  const [code] = await once(child, 'exit')
  assert.equal(code, 78)
  assert.match(said, /NTT_AUTH_WORKERS.*embedded database is written by one process.*name a database server/s)
})
