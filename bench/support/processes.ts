import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuSeconds, residentMemory } from './machine.ts'

export type Target = {
  address: string
  pid: number
  /** Milliseconds from the start of the process to its first "ready". */
  startTime: number
  cpu(): number
  memory(): number
  stop(): Promise<void>
}

/** As many as the server takes for hashing by default. */
export const availableThreads = availableParallelism()

const running = new Set<ChildProcess>()

export function targetPids(): number[] {
  return [...running].map(({ pid }) => pid!)
}

const entry = fileURLToPath(new URL('../../server/bin/ntt-auth.js', import.meta.url))
const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
/** Those that "npm start" gives to Node. */
const launchFlags = (scripts.start as string).split(' ').filter((word) => word.startsWith('--'))
const bare = fileURLToPath(new URL('../bounds/fastify.ts', import.meta.url))

/** The server as an operator starts it, with its log at the default level in a file. */
export async function startServer(dataDir: string, settings: Record<string, string>, env = {}): Promise<Target> {
  const port = await freePort()
  const managementPort = await freePort()
  const listeners = ['--port', `${port}`, '--management-port', `${managementPort}`]
  return start([...launchFlags, entry, 'serve', ...listeners], port, dataDir, {
    ...serverEnv(dataDir, settings),
    ...env,
  })
}

/** The environment in which the server, and whoever prepares its data, runs. */
export function serverEnv(dataDir: string, settings: Record<string, string>): Record<string, string> {
  const named = Object.entries(settings).map(([name, value]) => [`NTT_AUTH_${name}`, value])
  return {
    NTT_AUTH_DATA_DIR: dataDir,
    // Fixed, so that tokens minted before the start fit whatever the port.
    NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
    // All load comes from one address.
    NTT_AUTH_RATE_LIMITS: 'off',
    ...Object.fromEntries(named),
  }
}

export async function startBareFastify(directory: string, body: string, env = {}): Promise<Target> {
  const port = await freePort()
  return start([bare, `${port}`, body], port, directory, env)
}

async function start(args: string[], port: number, directory: string, env: Record<string, string>): Promise<Target> {
  const log = openSync(join(directory, 'output.log'), 'a')
  const began = performance.now()
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '')
  const child = spawn(process.execPath, [...flags, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  })
  closeSync(log)
  running.add(child)
  child.once('exit', () => running.delete(child))
  const address = `http://127.0.0.1:${port}`
  await untilReady(address, child, directory)
  const startTime = performance.now() - began
  const pid = child.pid!
  return {
    address,
    pid,
    startTime,
    cpu: () => cpuSeconds(pid),
    memory: () => residentMemory(pid),
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function untilReady(address: string, child: ChildProcess, directory: string): Promise<void> {
  while (child.exitCode === null) {
    try {
      const { status } = await fetch(`${address}/health/ready`)
      if (status === 200) return
    } catch {
      // It does not listen yet.
    }
    await delay(4)
  }
  throw new Error(`A process ended before it was ready; see ${directory}/output.log.`)
}

/** A free port below those that outgoing connections take. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (free) {
      await new Promise((resolve) => server.close(resolve))
      return port
    }
  }
}
