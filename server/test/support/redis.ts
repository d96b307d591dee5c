import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { freePort } from './free-port.ts'
import type { Certificate } from './localhost-certificate.ts'

const program = (process.env.PATH?.split(delimiter) ?? [])
  .flatMap((place) => ['redis-server', 'valkey-server'].map((name) => join(place, name)))
  .find((candidate) => existsSync(candidate))

/** Why nothing that needs Redis can run here, or false. */
export const skipRedis = program ? false : 'redis-server is not installed'
if (skipRedis && process.env.NTT_AUTH_TEST_REQUIRE_ALL === '1') throw new Error(skipRedis)

export type TestRedis = {
  url: string
  /** For looking, and for making trouble. */
  client(): Promise<ReturnType<typeof createClient>>
  signal(signal: NodeJS.Signals): Promise<void>
  /** Empty, on the same port. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** @param tls speaks nothing else, with this certificate */
export async function startRedis(password = 'a word of the tests', tls?: Certificate): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-redis-'))
  const port = await freePort()
  const url = `redis${tls ? 's' : ''}://:${encodeURIComponent(password)}@${tls ? 'localhost' : '127.0.0.1'}:${port}`
  let child: ChildProcess
  const client = async () =>
    createClient({ url, ...(tls && { socket: { tls: true, rejectUnauthorized: false } }) })
      .on('error', () => undefined)
      .connect() as never
  const start = async () => {
    const options = ['--save', '', '--appendonly', 'no', '--dir', directory, '--requirepass', password]
    const listening = tls ? ['--port', '0', '--tls-port', `${port}`, ...tlsOptions(tls)] : ['--port', `${port}`]
    child = spawn(program!, [...listening, '--bind', '127.0.0.1', ...options], { stdio: 'ignore' })
    const one = await client()
    ;(one as ReturnType<typeof createClient>).destroy()
  }
  const tlsOptions = ({ key, certFile }: Certificate) => {
    const keyFile = join(directory, 'server.key')
    writeFileSync(keyFile, key, { mode: 0o600 })
    return ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile].concat(
      '--tls-auth-clients',
      'no',
    )
  }
  const signal = async (signal: NodeJS.Signals) => {
    const ended = once(child, 'exit')
    child.kill(signal)
    if (signal === 'SIGKILL') await ended
    else await delay(20)
  }
  await start()
  return {
    url,
    client,
    start,
    signal,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) await signal('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
