import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../../../server/bin/ntt-auth.js', import.meta.url))
const patience = 30_000

/** The real server as a process of its own, on an embedded database that goes with it. */
export type RealServer = {
  address: string
  dataDir: string
  cli(...args: string[]): Promise<string>
  stop(): Promise<void>
}

/** @param settings without their prefix; passwords are hashed quickly unless told otherwise */
export async function startServer(settings: Record<string, string> = {}): Promise<RealServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-client-'))
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', NTT_AUTH_DATA_DIR: dataDir }
  const defaults = {
    PASSWORD_HASH: 'argon2id',
    HASH_MAX_WAIT: '30s',
    PUBLIC_URL: 'https://auth.example.com',
    // Suites call from one address.
    RATE_LIMITS: 'off',
  }
  for (const [name, value] of Object.entries({ ...defaults, ...settings })) env[`NTT_AUTH_${name}`] = value
  const arguments_ = [program, 'serve', '--port', '0', '--management-port', '0']
  const child = spawn(process.execPath, arguments_, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const address = await listening(child)
  return {
    address,
    dataDir,
    async cli(...args) {
      const run = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let [said, complained] = ['', '']
      run.stdout.on('data', (piece) => {
        said += piece
      })
      run.stderr.on('data', (piece) => {
        complained += piece
      })
      const [code] = await once(run, 'close')
      if (code !== 0) throw new Error(`ntt-auth ${args.join(' ')} ended with ${code}: ${complained}`)
      return said
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }
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
