import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openDatabase } from '../../src/database/connect.ts'
import type { Certificate } from './localhost-certificate.ts'
import { quickDirectory } from './quick-directory.ts'

export type StartedDatabases = { env: Record<string, string>; missing: string[]; stop(): Promise<void> }

export type Started = { url: string; stop(): Promise<void> }

/**
 * Starts one MariaDB and one PostgreSQL for the tests, if they are installed. A variable that is already set names a
 * server of the user's, which is then used instead. Nothing is flushed to disk: crash tests bring their own.
 */
export async function startDatabases(): Promise<StartedDatabases> {
  const env: Record<string, string> = {}
  const missing: string[] = []
  const running: Started[] = []
  const stop = async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()))
  }
  const starting = [
    { name: 'MariaDB', variable: 'NTT_AUTH_TEST_MARIADB_URL', start: startMariaDb },
    { name: 'PostgreSQL', variable: 'NTT_AUTH_TEST_POSTGRES_URL', start: startPostgres },
  ].map(async ({ name, variable, start }) => {
    if (process.env[variable]) return
    const server = await start()
    if (!server) return void missing.push(name)
    running.push(server)
    env[variable] = server.url
  })
  const failed = (await Promise.allSettled(starting)).find((result) => result.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return { env, missing, stop }
}

/** @param tls offers TLS with this certificate @returns undefined where it is not installed */
export async function startMariaDb(tls?: Certificate): Promise<Started | undefined> {
  const server = find('mariadbd', ['/usr/sbin', '/usr/local/sbin'])
  const installer = find('mariadb-install-db', [])
  if (!server || !installer) return undefined
  const home = ownedDirectory('mysql')
  const data = join(home, 'data')
  asUser('mysql', installer, [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ])
  const port = await freePort()
  const process = spawnAs('mysql', home, server, [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${join(home, 'socket')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    // The columns must bring their own collations along: this one pads, and does not tell A from a.
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_general_ci',
    '--skip-name-resolve',
    '--innodb-buffer-pool-size=64M',
    '--innodb-log-file-size=32M',
    '--max-connections=300',
    '--performance-schema=OFF',
    '--innodb-flush-log-at-trx-commit=0',
    '--sync-binlog=0',
    '--innodb-doublewrite=0',
    '--innodb-flush-method=nosync',
    '--innodb-use-native-aio=0',
    ...(tls ? tlsFiles('mysql', home, tls).map(([what, file]) => `--ssl-${what}=${file}`) : []),
  ])
  return ready(`mariadb://root@127.0.0.1:${port}/mysql`, process, home, 'SIGTERM')
}

/** The same. */
export async function startPostgres(tls?: Certificate): Promise<Started | undefined> {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const places = versions.map((version) => join(root, version, 'bin'))
  const server = find('postgres', places)
  const installer = find('initdb', places)
  if (!server || !installer) return undefined
  const home = ownedDirectory('postgres')
  const data = join(home, 'data')
  asUser('postgres', installer, ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync'])
  const port = await freePort()
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: home,
    max_connections: '200',
    shared_buffers: '64MB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...(tls && {
      ssl: 'on',
      ...Object.fromEntries(tlsFiles('postgres', home, tls).map(([what, file]) => [`ssl_${what}_file`, file])),
    }),
  }
  const process = spawnAs('postgres', home, server, [
    '-D',
    data,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  // SIGINT: do not wait for clients that forgot to close.
  return ready(`postgres://postgres@127.0.0.1:${port}/postgres`, process, home, 'SIGINT')
}

async function ready(url: string, child: ChildProcess, home: string, signal: NodeJS.Signals): Promise<Started> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const log = () => readFileSync(join(home, 'log'), 'utf8').split('\n').slice(-20).join('\n')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
      await ended
    }
    rmSync(home, { recursive: true, force: true })
  }
  const giveUp = performance.now() + 60_000
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended while starting:\n${log()}`)
    const database = await openDatabase({ url, poolSize: 1, timeout: 2000 })
    try {
      await database.ping()
      return { url, stop }
    } catch (error) {
      if (performance.now() > giveUp) {
        await stop()
        throw new Error(`${child.spawnfile} did not become ready`, { cause: error })
      }
      await delay(50)
    } finally {
      await database.close()
    }
  }
}

function find(program: string, places: string[]): string | undefined {
  const path = process.env.PATH?.split(delimiter) ?? []
  return [...path, ...places].map((place) => join(place, program)).find((candidate) => existsSync(candidate))
}

const isRoot = process.getuid?.() === 0

/** Both servers refuse to run as root. */
function command(user: string, program: string, parameters: string[]): [string, string[]] {
  if (!isRoot) return [program, parameters]
  return ['setpriv', [`--reuid=${user}`, `--regid=${user}`, '--init-groups', program, ...parameters]]
}

function asUser(user: string, program: string, parameters: string[]): void {
  execFileSync(...command(user, program, parameters), { stdio: 'pipe', cwd: tmpdir() })
}

function spawnAs(user: string, home: string, program: string, parameters: string[]): ChildProcess {
  const log = openSync(join(home, 'log'), 'a')
  const [file, all] = command(user, program, parameters)
  // In a process group of its own, so that Ctrl-C reaches the tests first and the server is stopped in order.
  return spawn(file, all, { stdio: ['ignore', log, log], cwd: home, detached: true })
}

function tlsFiles(user: string, home: string, { key, cert }: Certificate): ['key' | 'cert', string][] {
  return (Object.entries({ key, cert }) as ['key' | 'cert', string][]).map(([what, text]) => {
    const file = join(home, `server.${what}`)
    writeFileSync(file, text, { mode: 0o600 })
    give(file, user)
    return [what, file]
  })
}

function ownedDirectory(user: string): string {
  const directory = mkdtempSync(join(quickDirectory(), `ntt-auth-${user}-`))
  give(directory, user)
  return directory
}

function give(path: string, user: string): void {
  if (!isRoot) return
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  chownSync(path, id('-u'), id('-g'))
}

/** Below 32768, where the system takes no ports for outgoing connections. */
async function freePort(): Promise<number> {
  const base = Number(process.env.NTT_AUTH_TEST_PORT ?? 20_000 + (process.pid % 10_000))
  for (let port = base; port < base + 100; port++) {
    if (taken.has(port) || !(await isFree(port))) continue
    taken.add(port)
    return port
  }
  throw new Error(`No port is free from ${base} to ${base + 99}; set NTT_AUTH_TEST_PORT to another base.`)
}

const taken = new Set<number>()

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
