/** A program that does with its client what it reads, one JSON a line. `node worker.ts BASE_URL FILE auto|none` */
import { createInterface } from 'node:readline'
import { fileStorage } from '../../src/file/index.ts'
import { AuthClient } from '../../src/index.ts'

const [baseUrl, path, lock] = process.argv.slice(2) as [string, string, 'auto' | 'none']
const offset = { ms: 0 }
const clock = {
  wall: () => Date.now() + offset.ms,
  monotonic: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
}
const client = new AuthClient({ baseUrl, storage: fileStorage({ path }), storageKey: 'login', lock, clock })
const storage = fileStorage({ path })

type Input = { email: string; password: string; count?: number; ms: number }
const commands: Record<string, (input: Input) => Promise<unknown>> = {
  login: ({ email, password }) => client.login({ email, password }),
  tokens: async ({ count = 1 }) => {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => client.getAccessToken()))
    const tokens = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    return { ok: tokens.length, distinct: [...new Set(tokens)], counters: client.diagnostics().counters }
  },
  /** As if so much time had passed, by the clock on the wall. */
  later: async ({ ms }) => {
    offset.ms += ms
  },
  refresh: () => client.refresh(),
  state: async () => ({ ...(await client.ready()), error: null }),
  logout: () => client.logout(),
  /** Takes the lock of a refresh and keeps it, for whoever kills this process. */
  hold: () =>
    new Promise((resolve) => {
      void storage.lock!('login', 5000, async () => {
        resolve({ held: true })
        await new Promise((resolve) => setTimeout(resolve, 600_000))
      })
    }),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...input } = JSON.parse(line)
  const answer = await commands[name]!(input).catch((error) => ({ error: error.code ?? String(error) }))
  process.stdout.write(`${JSON.stringify(answer ?? {})}\n`)
}
