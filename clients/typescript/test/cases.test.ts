import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { AuthClient, type Clock, memoryStorage } from '../src/index.ts'
import { type Fault as MockFault, mockAuthServer, virtualClock } from '../src/testing/index.ts'
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

/** Where a case is played: a server, and what goes wrong before it. */
type Stage = {
  baseUrl: string
  fetch: typeof fetch
  /** The way to the server on which nothing goes wrong. */
  direct: { baseUrl: string; fetch: typeof fetch }
  clock: Clock
  script(path: string, faults: Fault[]): void
  always(fault: Fault | null): void
  /** The refreshes that were sent. */
  refreshes(): { refreshToken: string | undefined; key: string | undefined }[]
}

let users = 0

async function play({ given = {}, faults = [], steps, expect: end }: Case, stage: Stage): Promise<void> {
  const credentials = { email: `user${++users}@example.com`, password: 'engine of brass and steam' }
  let offset = (given.clock_skew_seconds ?? 0) * 1000
  const clock = { ...stage.clock, wall: () => stage.clock.wall() + offset }
  // Only where the network stays away does anybody wait for the end of it; elsewhere a busy machine is no fault.
  const timeoutMs = steps.some(({ call }) => call === 'network') ? 5000 : 30_000
  const storage = memoryStorage()
  const { baseUrl, fetch } = stage
  const connect = () => new AuthClient({ baseUrl, fetch, storage, storageKey: 'login', clock, timeoutMs })
  const elsewhere = async () => {
    const other = new AuthClient({ ...stage.direct, storage: memoryStorage() })
    await other.login(credentials)
    return other
  }
  let client = connect()
  await client.register(credentials)
  const { id } = (await client.getSession())!
  if (given.access_token === 'expired') offset += 3_600_000
  for (const { path, do: script } of faults) stage.script(path, script)

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
    network: async ({ fault }) => stage.always(fault!),
    end_from_elsewhere: async () => {
      await (await elsewhere()).sessions.revoke(id)
    },
    session_is_ended: async ({ reason }) => {
      const other = await elsewhere()
      const ended = async () => (await other.sessions.list()).items.find((each) => each.id === id)?.end_reason
      for (let tries = 0; tries < 50 && (await ended()) === null; tries++) await clock.sleep(20)
      expect(await ended()).toBe(reason)
    },
  }
  for (const step of steps) {
    const begun = clock.monotonic()
    const count = step.parallel ?? 1
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => calls[step.call]!(step)))
    const values = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const failures = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    const codes = new Set(failures.map((error) => error.code ?? error))
    expect(codes).toEqual(new Set(step.errors ?? []))
    expect(values).toHaveLength(step.ok ?? (step.errors ? 0 : count))
    if (step.distinct !== undefined) expect(new Set(values).size).toBe(step.distinct)
    if (step.at_least_ms !== undefined) expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(step.at_least_ms)
  }
  const refreshes = stage.refreshes()
  expect(client.state.status).toBe(end.state)
  if (end.reason !== undefined) expect(client.state).toMatchObject({ reason: end.reason })
  if (end.generation !== undefined) expect(client.state.session!.generation).toBe(end.generation)
  if (end.refreshes !== undefined) expect(refreshes).toHaveLength(end.refreshes)
  if (end.same_token) expect(new Set(refreshes.map(({ refreshToken }) => refreshToken)).size).toBe(1)
  if (end.same_key) expect(new Set(refreshes.map(({ key }) => key)).size).toBe(1)
  await client.close()
}

const refreshPath = '/v1/auth/refresh'

describe('the shared cases against the real server', () => {
  // They wait more than they work, so several run at once; hooks would not wait for each other then.
  let starting: Promise<RealServer> | undefined
  const running = () => {
    starting ??= startServer()
    return starting
  }
  const proxies: FaultProxy[] = []
  const clock: Clock = {
    wall: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  }

  afterAll(async () => {
    await Promise.all(proxies.map((each) => each.close()))
    await (await starting)?.stop()
  })

  it.concurrent.each(cases.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
    const server = await running()
    const proxy = await startProxy(server.address)
    proxies.push(proxy)
    const { address: baseUrl, script, always, seen } = proxy
    const refreshes = () => seen.filter(({ path }) => path === refreshPath)
    await play(each, { baseUrl, fetch, direct: { baseUrl: server.address, fetch }, clock, script, always, refreshes })
  })
})

/** As /testing names it. */
function faultOf(fault: Fault): MockFault | 'deliver' {
  switch (fault.do) {
    case 'deliver':
      return 'deliver'
    case 'reset':
      return { do: 'lose_request' }
    case 'delay':
      return { do: 'wait', until: new Promise((resolve) => setTimeout(resolve, fault.ms)) }
    case 'status':
      return {
        do: 'status',
        status: fault.status,
        ...(fault.retry_after !== undefined && { retryAfter: fault.retry_after }),
      }
    default:
      return { do: fault.do }
  }
}

describe('the shared cases against the server of /testing', () => {
  it.each(cases.map((each) => [each.id, each] as const))('%s', async (_id, each) => {
    const clock = virtualClock()
    const server = mockAuthServer({ clock })
    const sent: { refreshToken: string | undefined; key: string | undefined }[] = []
    const watched: typeof fetch = async (input, init) => {
      const { url, headers } = new Request(input, init)
      const key = headers.get('refresh-key') ?? undefined
      const { refresh_token: refreshToken } = JSON.parse(String(init?.body ?? '{}'))
      if (new URL(url).pathname === refreshPath) sent.push({ refreshToken, key })
      return server.fetch(input, init)
    }
    await play(each, {
      baseUrl: server.issuer,
      fetch: watched,
      direct: { baseUrl: server.issuer, fetch: server.fetch },
      clock,
      script: (path, faults) => server.script(path, ...faults.map(faultOf)),
      always(fault) {
        const standing = fault && faultOf(fault)
        server.always(standing === 'deliver' ? null : standing)
      },
      refreshes: () => sent,
    })
  })
})
