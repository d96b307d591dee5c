import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { fileStorage } from '../src/file/index.ts'
import { underFileLock } from '../src/file/lock.ts'
import { startWorker, type Worker } from './support/processes.ts'
import { type FaultProxy, startProxy } from './support/proxy.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada } from './support/setup.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ntt-auth-file-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const record = (gen: number) => JSON.stringify({ v: 1, gen })

describe('a login in a file', () => {
  it('takes no option that it does not understand', () => {
    expect(() => fileStorage({ file: 'x' } as never)).toThrow(/fileStorage has no option "file"; there are: path\./)
    expect(() => fileStorage({ path: 5 } as never)).toThrow(/"path" must be a text that is not empty. It is 5\./)
    expect(() => fileStorage('x' as never)).toThrow(/fileStorage needs an object of options/)
  })

  it('says what it needs where the runtime has no lock to lend', async () => {
    const program = `
      const { fileStorage } = await import('./src/file/index.ts')
      const storage = fileStorage({ path: process.env.FILE })
      await storage.advance('key', '{}', 1).catch(({ code, message }) => console.log(code, message))`
    const args = ['--no-experimental-sqlite', '--input-type=module', '-e', program]
    const env = { ...process.env, FILE: join(directory, 'login.json') }
    const said = execFileSync(process.execPath, args, { cwd: new URL('..', import.meta.url), env, encoding: 'utf8' })
    expect(said).toMatch(/^config_invalid fileStorage needs Node\.js 24 or newer/)
  })

  it('never goes backward', async () => {
    const storage = fileStorage({ path: join(directory, 'a/b/login.json') })
    expect(storage.get('key')).toBeNull()
    expect(await storage.advance('key', record(3), 3)).toBe(true)
    expect(await storage.advance('key', record(3), 3)).toBe(false)
    expect(await storage.advance('other', record(1), 1)).toBe(true)
    expect(storage.get('key')).toBe(record(3))
    expect(storage.get('other')).toBe(record(1))
  })

  it('believes no file that somebody else made where everybody may', async () => {
    const open = join(directory, 'open')
    mkdirSync(open)
    chmodSync(open, 0o1777)
    const path = join(open, 'login.json')
    const storage = fileStorage({ path })
    expect(storage.get('key')).toBeNull()
    await storage.advance('key', record(1), 1)
    expect(storage.get('key')).toBe(record(1))
    expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600)
    // Only root can give a file away.
    if (process.getuid?.() !== 0) return
    chownSync(path, 4711, 4711)
    expect(() => storage.get('key')).toThrow(/belongs to another user/)
    await expect(storage.advance('key', record(2), 2)).rejects.toThrow(/belongs to another user/)
    chmodSync(open, 0o700)
    expect(storage.get('key')).toBe(record(1))
  })

  it('is for its owner alone, and leaves nothing beside it but empty locks', async () => {
    const path = join(directory, 'own', 'login.json')
    const storage = fileStorage({ path })
    await storage.advance('key', record(1), 1)
    await storage.lock!('key', 100, async () => undefined)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory, 'own')).mode & 0o777).toBe(0o700)
    const locks = readdirSync(join(directory, 'own')).filter((each) => each !== 'login.json')
    expect(locks.sort()).toEqual(['login.json.key.refresh.lock', 'login.json.lock'])
    for (const each of locks) expect(statSync(join(directory, 'own', each)).size).toBe(0)
  })

  it('makes a file private that was not', async () => {
    const path = join(directory, 'login.json')
    writeFileSync(path, 'not ours', { mode: 0o644 })
    const storage = fileStorage({ path })
    expect(storage.get('key')).toBeNull()
    await storage.advance('key', record(1), 1)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('says when the file cannot be read, and when others hold the lock for too long', async () => {
    const path = join(directory, 'login.json')
    mkdirSync(path)
    expect(() => fileStorage({ path }).get('key')).toThrow(/EISDIR/)
    const lock = join(directory, 'x.lock')
    await underFileLock(lock, 0, async () => {
      expect(await underFileLock(lock, 30, () => 'never')).toBeNull()
    })
    expect(await underFileLock(lock, 0, () => 'free')).toEqual({ result: 'free' })
  })

  it('goes on without the lock of a refresh that somebody keeps', async () => {
    const storage = fileStorage({ path: join(directory, 'login.json') })
    const outcome = await storage.lock!('key', 1000, () => storage.lock!('key', 20, async () => 'went on'))
    expect(outcome).toBe('went on')
  })

  it('stands in a directory of its owner', () => {
    const { XDG_CONFIG_HOME } = process.env
    process.env.XDG_CONFIG_HOME = directory
    try {
      expect(fileStorage().id).toBe(`file:${join(directory, 'ntt-auth/sessions.json')}`)
    } finally {
      process.env.XDG_CONFIG_HOME = XDG_CONFIG_HOME
      if (XDG_CONFIG_HOME === undefined) delete process.env.XDG_CONFIG_HOME
    }
    chmodSync(directory, 0o700)
    expect(existsSync(directory)).toBe(true)
  })
})

describe('a file that something goes wrong with', () => {
  const source = new URL('../src/file/index.ts', import.meta.url).href
  const big = (gen: number) => JSON.stringify({ v: 1, gen, at: 'x'.repeat(3000) })
  /** A program in a process of its own; `before` runs in its shell. */
  const run = (before: string, program: string) =>
    spawnSync('bash', ['-c', `${before}; exec "$0" --input-type=module -e "$1"`, process.execPath, program], {
      encoding: 'utf8',
      env: { ...process.env, FILE: join(directory, 'login.json') },
    })

  it('is told of a full disk, and the file stays whole', async () => {
    const path = join(directory, 'login.json')
    await fileStorage({ path }).advance('one', big(1), 1)
    const program = `
      import { readdirSync } from 'node:fs'
      const { fileStorage } = await import('${source}')
      const storage = fileStorage({ path: process.env.FILE })
      const open = readdirSync('/proc/self/fd').length
      const said = []
      for (let tries = 0; tries < 3; tries++) {
        said.push(await Promise.resolve(storage.advance('two', ${JSON.stringify(big(1))}, 1)).catch((error) => error.code))
      }
      console.log(JSON.stringify([said, readdirSync('/proc/self/fd').length - open]))`
    const { stdout } = run('ulimit -f 4', program)
    expect(JSON.parse(stdout)).toEqual([['EFBIG', 'EFBIG', 'EFBIG'], 0])
    expect(fileStorage({ path }).get('one')).toBe(big(1))
    expect(fileStorage({ path }).get('two')).toBeNull()
    expect(readdirSync(directory).sort()).toEqual(['login.json', 'login.json.lock'])
  })

  it.each(['\0\0\0', '\ufeff{"key":', '  ', '\n{'])('says nothing where a power cut left %j of it', (text) => {
    const path = join(directory, 'login.json')
    writeFileSync(path, text)
    expect(() => fileStorage({ path }).get('key')).toThrow(/broke off/)
  })

  it('is kept beside when it broke off, with the logins in it', async () => {
    const path = join(directory, 'login.json')
    const half = '{"of another server": "{\\"v\\":1'
    writeFileSync(path, half, { mode: 0o600 })
    const storage = fileStorage({ path })
    expect(() => storage.get('key')).toThrow(/broke off/)
    expect(await storage.advance('key', record(1), 1)).toBe(true)
    expect(storage.get('key')).toBe(record(1))
    expect(readFileSync(`${path}.bad`, 'utf8')).toBe(half)
    expect(statSync(`${path}.bad`).mode & 0o777).toBe(0o600)
  })

  it('that is empty says nothing of who is logged in', () => {
    const path = join(directory, 'login.json')
    writeFileSync(path, '')
    expect(() => fileStorage({ path }).get('key')).toThrow(/broke off/)
  })

  it('is freed of what a killed process left, and of nothing else', async () => {
    const path = join(directory, 'login.json')
    const program = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      fs.renameSync = () => process.kill(process.pid, 'SIGKILL')
      syncBuiltinESMExports()
      const { fileStorage } = await import('${source}')
      await fileStorage({ path: process.env.FILE }).advance('key', '{"gen":1,"rt":"secret"}', 1)`
    for (let times = 0; times < 2; times++) expect(run(':', program).signal ?? 'SIGKILL').toBe('SIGKILL')
    // Each by a name of its own: a second one does not fall over the first.
    const others = () => readdirSync(directory).filter((each) => !each.includes('.lock'))
    const left = others()
    expect(left).toEqual([expect.stringMatching(/^login\.json\.[0-9a-f-]{36}$/)])
    const mine = ['login.json.mine', left[0]!.replace('login', 'other'), left[0]!.replace('login.json', 'my')]
    for (const each of mine) writeFileSync(join(directory, each), 'kept')
    await fileStorage({ path }).advance('key', record(1), 1)
    expect(others().sort()).toEqual(['login.json', ...mine].sort())
  })

  it.each([
    [0o777, false],
    [0o757, false],
    [0o1777, true],
    [0o775, true],
    [0o700, true],
  ])('is not written to a directory that others may write to (%o: %p)', async (mode, fine) => {
    const own = join(directory, 'own')
    mkdirSync(own)
    chmodSync(own, mode)
    const writing = (async () => fileStorage({ path: join(own, 'login.json') }).advance('key', record(1), 1))()
    if (fine) expect(await writing).toBe(true)
    else await expect(writing).rejects.toThrow(/Others may write/)
  })

  // Only root can give a directory away.
  const asRoot = process.getuid?.() === 0 ? it : it.skip
  asRoot.each([
    [0o770, false],
    [0o1770, true],
    [0o700, true],
  ])('is not written to the directory of somebody whose group may write there (%o: %p)', async (mode, fine) => {
    const theirs = join(directory, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, 4711, 4711)
    chmodSync(theirs, mode)
    const writing = (async () => fileStorage({ path: join(theirs, 'login.json') }).advance('key', record(1), 1))()
    if (fine) expect(await writing).toBe(true)
    else await expect(writing).rejects.toThrow(/Others may write/)
  })

  it('reaches the disk before it takes the place of the old one', async () => {
    const program = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const done = []
      const { fsyncSync, renameSync } = fs
      fs.fsyncSync = (handle) => (done.push('sync'), fsyncSync(handle))
      fs.renameSync = (from, to) => (done.push('rename'), renameSync(from, to))
      syncBuiltinESMExports()
      const { fileStorage } = await import('${source}')
      await fileStorage({ path: process.env.FILE }).advance('key', '{"gen":1}', 1)
      console.log(done.join())`
    expect(run(':', program).stdout.trim()).toBe('sync,rename')
  })
})

describe('processes that share a file', () => {
  let server: RealServer
  let proxy: FaultProxy
  let workers: Worker[] = []
  const refreshes = () => proxy.seen.filter(({ path }) => path === '/v1/auth/refresh')
  const day = 86_400_000

  beforeAll(async () => {
    server = await startServer()
    proxy = await startProxy(server.address)
    await fetch(`${server.address}/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ada),
    })
  })
  afterEach(async () => {
    await Promise.all(workers.map((each) => each.kill()))
    workers = []
    proxy.seen.length = 0
    proxy.always(null)
  })
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })
  const start = (lock: 'auto' | 'none' = 'auto') => {
    const worker = startWorker(proxy.address, join(directory, 'login.json'), lock)
    workers.push(worker)
    return worker
  }

  it('send one refresh, all eight of them, though one is killed while it holds the lock', async () => {
    const eight = Array.from({ length: 8 }, () => start())
    await eight[0]!.ask({ do: 'login', ...ada })
    for (const each of eight) expect(await each.ask({ do: 'state' })).toMatchObject({ status: 'active' })
    for (const each of eight) await each.ask({ do: 'later', ms: day / 24 })
    const victim = start()
    await victim.ask({ do: 'hold' })
    const asking = eight.map((each) => each.ask({ do: 'tokens', count: 8 }))
    await new Promise((resolve) => setTimeout(resolve, 300))
    // Nobody has got past the holder yet.
    expect(refreshes()).toHaveLength(0)
    await victim.kill()
    const answers = await Promise.all(asking)
    expect(answers.map(({ ok }) => ok)).toEqual(Array(8).fill(8))
    expect(new Set(answers.flatMap(({ distinct }) => distinct)).size).toBe(1)
    expect(refreshes()).toHaveLength(1)
  })

  it('keep the session when one dies between the server and its file, and a day passes', async () => {
    const first = start()
    await first.ask({ do: 'login', ...ada })
    proxy.script('/v1/auth/refresh', [{ do: 'delay', ms: 60_000 }])
    const lost = first.ask({ do: 'refresh' }).catch(() => null)
    while (!refreshes().some(({ status }) => status === 200)) await new Promise((resolve) => setTimeout(resolve, 10))
    await first.kill()
    await lost
    const second = start()
    await second.ask({ do: 'later', ms: day })
    expect(await second.ask({ do: 'tokens' })).toMatchObject({ ok: 1 })
    expect(await second.ask({ do: 'state' })).toMatchObject({ status: 'active', session: { generation: 1 } })
    const [sent, again] = refreshes()
    expect(again!.key).toBe(sent!.key)
    expect(again!.refreshToken).toBe(sent!.refreshToken)
  })

  it('keep one chain without any lock, and follow the logout of one', async () => {
    const four = Array.from({ length: 4 }, () => start('none'))
    await four[0]!.ask({ do: 'login', ...ada })
    for (let round = 0; round < 5; round++) {
      const sessions = await Promise.all(four.map((each) => each.ask({ do: 'refresh' })))
      expect(sessions.map(({ error }) => error)).toEqual([undefined, undefined, undefined, undefined])
    }
    expect(new Set(refreshes().map(({ status }) => status))).toEqual(new Set([200]))
    await four[0]!.ask({ do: 'logout' })
    for (const each of four.slice(1)) await each.ask({ do: 'later', ms: day })
    expect(await four[1]!.ask({ do: 'tokens' })).toMatchObject({ ok: 0 })
    // What rests is dead: it only shows the server that this device was here before.
    const { login } = JSON.parse(readFileSync(join(directory, 'login.json'), 'utf8'))
    const { rt, ...rest } = JSON.parse(login)
    expect(rest).toEqual({ v: 1, gen: expect.any(Number), ended: 'user', by: 'user' })
    const answer = await fetch(`${server.address}/v1/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: rt }),
    })
    expect(await answer.json()).toMatchObject({ code: 'session_ended', end_reason: 'logout' })
  })
})
