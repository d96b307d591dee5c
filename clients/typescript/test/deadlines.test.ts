import { afterEach, describe, expect, it } from '@jest/globals'
import { IDBFactory } from 'fake-indexeddb'
import { AuthClient, type AuthClientOptions, indexedDbStorage, memoryStorage } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { ada, code, listenTo, loggedIn, refreshPath } from './support/setup.ts'

const hour = 3_600_000
/** A request that ends by its signal alone. */
const hang: typeof fetch = (_input, init) =>
  new Promise((_resolve, reject) => {
    const { signal } = init!
    if (signal!.aborted) reject(signal!.reason)
    signal!.addEventListener('abort', () => reject(signal!.reason))
  })
/** What comes first: the outcome, or `patience`, which is far more than it may take. */
const within = (work: Promise<unknown>, patience = 20_000) => {
  let timer: NodeJS.Timeout
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('it hangs'), patience)
  })
  return Promise.race([code(work), late]).finally(() => clearTimeout(timer))
}

const networks: { lost: AbortController }[] = []
// What still hangs would keep this process.
afterEach(() => {
  for (const { lost } of networks.splice(0)) lost.abort(new TypeError('fetch failed'))
})

/** By the clock of this machine, put forward on demand. */
async function inTime(options: Partial<AuthClientOptions> = {}) {
  let offset = 0
  const clock = {
    wall: () => Date.now() + offset,
    monotonic: () => performance.now() + offset,
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  }
  const server = mockAuthServer({ clock })
  server.addUser(ada)
  const away = { paths: [] as string[], sent: 0, lost: new AbortController() }
  networks.push(away)
  const fetching: typeof fetch = (input, init) => {
    if (!away.paths.some((path) => String(input).includes(path))) return server.fetch(input, init)
    away.sent++
    return hang(input, { signal: AbortSignal.any([init!.signal!, away.lost.signal]) })
  }
  const connect = (more: Partial<AuthClientOptions> = {}) =>
    new AuthClient({ baseUrl: server.issuer, fetch: fetching, clock, ...options, ...more })
  const client = connect()
  await client.login(ada)
  const expire = () => {
    offset += hour
  }
  return { server, client, connect, away, expire }
}

const unhandled: unknown[] = []
process.on('unhandledRejection', (error) => unhandled.push(error))
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(unhandled.splice(0)).toEqual([])
})

describe('a caller who gives up', () => {
  it('at once, while the server is away, leaves no rejection that nobody handles', async () => {
    const { client, server, clock } = await loggedIn()
    server.always({ do: 'lose_request' })
    for (const options of [{ signal: AbortSignal.abort() }, { timeoutMs: 1 }, { timeoutMs: -1 }, { signal: 'x' }]) {
      await clock.advance(hour)
      expect(await code(client.refresh(options as never))).not.toBe('fine')
      expect(await code(client.getAccessToken(options as never))).not.toBe('fine')
      expect(await code(client.ready(options as never))).not.toBe('TypeError')
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  })

  it('of fetch waits no longer, and gets what `fetch` gives', async () => {
    const { client, away, expire } = await inTime()
    expire()
    away.paths = ['refresh']
    const controller = new AbortController()
    const reason = new Error('The user went away.')
    setTimeout(() => controller.abort(reason), 20)
    await expect(client.fetch('https://api.test/', { signal: controller.signal })).rejects.toBe(reason)
    const request = new Request('https://api.test/', { signal: AbortSignal.timeout(20) })
    await expect(client.fetch(request)).rejects.toMatchObject({ name: 'TimeoutError' })
    await client.close()
  })

  it('while a pause is waited out waits no longer, and nothing is sent any more', async () => {
    const { connect, server } = await inTime()
    const late = { do: 'status', status: 503, retryAfter: 1 } as const
    server.script('/v1/auth/register', late, late, late)
    const signal = AbortSignal.timeout(20)
    const input = { email: 'grace@example.com', password: 'a compiler of my own' }
    expect(await code(connect().register(input, { signal }))).toBe('aborted')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(server.count('/v1/auth/register')).toBe(1)
  })

  it('of a call for the user is free, and the request ends', async () => {
    const { client, away } = await inTime()
    away.paths = ['/v1/users/me']
    expect(await within(client.getUser({ fresh: true, signal: AbortSignal.timeout(20) }))).toBe('aborted')
    expect(await within(client.updateUser({ name: 'A' }, { timeoutMs: 20 }))).toBe('timeout')
  })
})

describe('a deadline', () => {
  it('holds for all attempts together', async () => {
    const { connect } = await inTime()
    const signals: AbortSignal[] = []
    const slow: typeof fetch = async (_input, init) => {
      signals.push(init!.signal!)
      if (signals.length === 1) return new Response('', { status: 503 })
      return hang('', init)
    }
    const client = connect({ fetch: slow, timeoutMs: 300, retry: { baseMs: 1 } })
    const begun = performance.now()
    expect(await code(client.forgotPassword({ email: ada.email }))).toBe('timeout')
    // One signal for both, so the second has what the first left.
    expect(new Set(signals).size).toBe(1)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(290)
  })

  it('of a refresh leaves time for a second try, and ends before the patience of its callers', async () => {
    const { client, away, expire } = await inTime({ timeoutMs: 1000 })
    expire()
    away.paths = ['refresh']
    expect(await within(client.getAccessToken())).toBe('refresh_unavailable')
    expect(away.sent).toBeGreaterThanOrEqual(2)
  })

  it('is one’s own, also where the refresh of somebody more patient is joined', async () => {
    const storage = memoryStorage()
    const { connect, away, expire } = await inTime({ storage, timeoutMs: 60_000 })
    const [patient, hasty] = [connect(), connect({ timeoutMs: 50 })]
    await Promise.all([patient.ready(), hasty.ready()])
    expire()
    away.paths = ['refresh']
    const waiting = code(patient.getAccessToken())
    expect(await within(hasty.getAccessToken())).toBe('timeout')
    expect(away.sent).toBe(1)
    // The connection breaks, and the network is back.
    away.paths = []
    away.lost.abort(new TypeError('fetch failed'))
    expect(await waiting).toBe('fine')
    await patient.close()
  }, 90_000)

  it('holds where somebody keeps the lock', async () => {
    const asked: number[] = []
    const storage = {
      ...memoryStorage(),
      async lock<T>(_key: string, waitMs: number, work: () => Promise<T>) {
        asked.push(waitMs)
        return work()
      },
    }
    const { client } = await loggedIn({ storage, timeoutMs: 1000 })
    await client.refresh()
    // Files wait twice as long.
    expect(asked).toEqual([250])
  })

  it('holds where IndexedDB never answers', async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB')
    const globals = globalThis as Record<string, unknown>
    globals.indexedDB = Object.assign(new IDBFactory(), { open: () => ({}) })
    try {
      const { issuer: baseUrl, fetch } = mockAuthServer()
      const connect = () => new AuthClient({ baseUrl, fetch, timeoutMs: 50, storage: indexedDbStorage() })
      expect(await within(connect().getSession())).toBe('timeout')
      expect(await within(connect().login(ada))).toBe('timeout')
      expect(await within(connect().logout())).toBe('timeout')
    } finally {
      if (before) Object.defineProperty(globalThis, 'indexedDB', before)
      else delete globals.indexedDB
    }
  })

  it('leaves no timer behind when it was not needed', async () => {
    const { client } = await loggedIn()
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    const before = timers()
    for (let call = 0; call < 50; call++) await client.getAccessToken({ timeoutMs: 60_000 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(timers()).toBeLessThanOrEqual(before)
  })
})

describe('an application that throws', () => {
  it('from onError as well keeps nobody waiting', async () => {
    const { client, clock } = await loggedIn({
      onError: () => {
        throw new Error('from onError')
      },
    })
    client.onChange(() => {
      throw new Error('from a listener')
    })
    const seen = listenTo(client)
    await clock.advance(hour)
    expect(await within(client.getAccessToken())).toBe('fine')
    expect(await within(client.refresh())).toBe('fine')
    expect(seen.types()).toEqual(['token_refreshed', 'token_refreshed'])
  })

  it('from onError when the storage fails ends nothing', async () => {
    const records = memoryStorage()
    let broken = false
    const storage = {
      ...records,
      get(key: string) {
        if (broken) throw new Error('EIO')
        return records.get(key)
      },
    }
    const onError = async () => {
      throw new Error('from onError')
    }
    const { client, clock, server } = await loggedIn({ storage, onError })
    broken = true
    await clock.advance(hour)
    expect(await within(client.getAccessToken())).toBe('fine')
    expect(server.count(refreshPath)).toBe(1)
  })
})
