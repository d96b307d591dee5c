import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { AuthClient, memoryStorage } from '../src/index.ts'
import { type Fault, type FaultProxy, startProxy } from './support/proxy.ts'
import { type RealServer, startServer } from './support/server.ts'

type Step = {
  call: string
  parallel?: number
  ok?: number
  distinct?: number
  errors?: string[]
  at_least_ms?: number
  seconds?: number
  fault?: Fault | null
  remote?: string
  reason?: string
}
type Case = {
  id: string
  promise: string
  given?: { access_token?: 'expired'; clock_skew_seconds?: number }
  faults?: { path: string; do: Fault[] }[]
  steps: Step[]
  expect: {
    state: string
    reason?: string
    generation?: number
    refreshes?: number
    same_token?: boolean
    same_key?: boolean
  }
}

const file = new URL('../../../contract/cases/session.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }

describe('the shared cases against the real server', () => {
  // They wait more than they work, so several run at once; hooks would not wait for each other then.
  let starting: Promise<RealServer> | undefined
  const running = () => {
    starting ??= startServer()
    return starting
  }
  const proxies: FaultProxy[] = []
  let users = 0

  afterAll(async () => {
    await Promise.all(proxies.map((each) => each.close()))
    await (await starting)?.stop()
  })

  it.concurrent.each(cases.map((each) => [each.id, each] as const))(
    '%s',
    async (_id, { given = {}, faults = [], steps, expect: end }) => {
      const credentials = { email: `user${++users}@example.com`, password: 'engine of brass and steam' }
      let offset = (given.clock_skew_seconds ?? 0) * 1000
      const clock = {
        wall: () => Date.now() + offset,
        monotonic: () => performance.now(),
        sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      }
      const server = await running()
      const proxy = await startProxy(server.address)
      proxies.push(proxy)
      // Only where the network stays away does anybody wait for the end of it; elsewhere a busy machine is no fault.
      const timeoutMs = steps.some(({ call }) => call === 'network') ? 5000 : 30_000
      const storage = memoryStorage()
      const connect = () => new AuthClient({ baseUrl: proxy.address, storage, storageKey: 'login', clock, timeoutMs })
      let client = connect()
      await client.register(credentials)
      const { id } = (await client.getSession())!
      if (given.access_token === 'expired') offset += 3_600_000
      for (const { path, do: script } of faults) proxy.script(path, script)

      const calls: Record<string, (step: Step) => Promise<unknown>> = {
        get_access_token: () => client.getAccessToken(),
        get_user: () => client.getUser({ fresh: true }),
        refresh: () => client.refresh(),
        login: () => client.login(credentials),
        logout: async ({ remote }) => expect(await client.logout()).toEqual({ remote }),
        restart: async () => {
          await client.close()
          client = connect()
          await client.ready()
        },
        wait: async ({ seconds }) => {
          offset += seconds! * 1000
        },
        network: async ({ fault }) => proxy.always(fault!),
        end_from_elsewhere: async () => {
          const other = new AuthClient({ baseUrl: server.address, storage: memoryStorage() })
          await other.login(credentials)
          await other.sessions.revoke(id)
        },
        session_is_ended: async ({ reason }) => {
          const other = new AuthClient({ baseUrl: server.address, storage: memoryStorage() })
          await other.login(credentials)
          const ended = async () => (await other.sessions.list()).items.find((each) => each.id === id)?.end_reason
          for (let tries = 0; tries < 50 && (await ended()) === null; tries++) await clock.sleep(20)
          expect(await ended()).toBe(reason)
        },
      }
      for (const step of steps) {
        const begun = performance.now()
        const count = step.parallel ?? 1
        const outcomes = await Promise.allSettled(Array.from({ length: count }, () => calls[step.call]!(step)))
        const values = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
        const failures = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
        const codes = new Set(failures.map((error) => error.code ?? error))
        expect(codes).toEqual(new Set(step.errors ?? []))
        expect(values).toHaveLength(step.ok ?? (step.errors ? 0 : count))
        if (step.distinct !== undefined) expect(new Set(values).size).toBe(step.distinct)
        if (step.at_least_ms !== undefined) expect(performance.now() - begun).toBeGreaterThanOrEqual(step.at_least_ms)
      }
      const refreshes = proxy.seen.filter(({ path }) => path === '/v1/auth/refresh')
      expect(client.state.status).toBe(end.state)
      if (end.reason !== undefined) expect(client.state).toMatchObject({ reason: end.reason })
      if (end.generation !== undefined) expect(client.state.session!.generation).toBe(end.generation)
      if (end.refreshes !== undefined) expect(refreshes).toHaveLength(end.refreshes)
      if (end.same_token) expect(new Set(refreshes.map(({ refreshToken }) => refreshToken)).size).toBe(1)
      if (end.same_key) expect(new Set(refreshes.map(({ key }) => key)).size).toBe(1)
      await client.close()
    },
  )
})
