import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asBuilt } from './as-built.ts'
import { quickDirectory } from './quick-directory.ts'

const program = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const holding = new URL('./held-wait.js', import.meta.url).href
const patience = 20_000

/** `ntt-auth serve` as a process of its own, which may be killed and started again on the same data. */
export type ChildServer = {
  dataDir: string
  /** Where it listens now; another port after every start. */
  address(): string
  start(): Promise<void>
  /** All it has written so far, to both outputs. */
  output(): string
  /** Asks it to stop. @returns its exit code, once it has */
  stop(): Promise<number | null>
  /** Sends a signal, and waits for nothing. */
  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void
  /** Ends the wait of `holdsWait`. */
  release(): void
  /** As the power or the kernel would: no handler runs, nothing is finished. */
  kill(): Promise<void>
  /** Kills it and removes its data directory. */
  remove(): Promise<void>
}

export type ChildServerOptions = {
  databaseUrl: string
  masterKey: string
  settings?: Record<string, string>
  /** Of the environment, under their whole names. */
  variables?: Record<string, string>
  /** Milliseconds: where it waits for so long, it waits for `release` instead. */
  holdsWait?: number
  /** Is its coverage measured? It runs as it was built, unless told. */
  measured?: boolean
}

export function childServer(options: ChildServerOptions): ChildServer {
  const { databaseUrl, masterKey, settings = {}, variables = {}, holdsWait, measured = false } = options
  const dataDir = mkdtempSync(join(quickDirectory(), 'ntt-auth-child-'))
  let child: ChildProcess | null = null
  let address = ''
  let output = ''
  const kill = async () => {
    if (!child) return
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
    child.kill('SIGKILL')
    await gone
    child = null
  }
  const env: NodeJS.ProcessEnv = {
    ...(!measured && asBuilt),
    PATH: process.env.PATH ?? '',
    NTT_AUTH_PORT: '0',
    NTT_AUTH_MANAGEMENT_PORT: '0',
    NTT_AUTH_DATABASE_URL: databaseUrl,
    NTT_AUTH_DATA_DIR: dataDir,
    NTT_AUTH_MASTER_KEY: masterKey,
    NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
    NTT_AUTH_AUTO_MIGRATE: 'on',
    NTT_AUTH_LOG_LEVEL: 'fatal',
    NTT_AUTH_RATE_LIMITS: 'off',
    ...(holdsWait !== undefined && { NODE_OPTIONS: `--import=${holding}`, HELD_WAIT: String(holdsWait) }),
    ...variables,
  }
  for (const [name, value] of Object.entries(settings)) env[`NTT_AUTH_${name}`] = value
  return {
    dataDir,
    address: () => address,
    output: () => output,
    async start() {
      const started = spawn(process.execPath, [program, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      for (const stream of [started.stdout, started.stderr]) stream.on('data', (piece) => (output += piece))
      address = await listening(started)
    },
    async stop() {
      const stopping = child
      if (!stopping) return null
      const gone = once(stopping, 'exit')
      stopping.kill('SIGTERM')
      const [code] = await gone
      child = null
      return code
    },
    signal: (name) => void child?.kill(name),
    release: () => void child?.kill('SIGUSR2'),
    kill,
    async remove() {
      await kill()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`The server did not start in time: ${said}`)), patience)
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${said}`)))
    child.stderr!.on('data', (piece) => {
      said += piece
      const address = /listens on (http:\S+)/.exec(said)?.[1]
      if (!address) return
      clearTimeout(timer)
      resolve(address)
    })
  })
}
