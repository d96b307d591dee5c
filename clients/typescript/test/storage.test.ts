import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { IDBFactory } from 'fake-indexeddb'
import { AuthClient, type AuthError, indexedDbStorage, memoryStorage } from '../src/index.ts'
import { localStorageStorage } from '../src/storage/local-storage.ts'
import { underWebLock } from '../src/storage/web-lock.ts'
import { ada, code, eventually, listenTo, loggedIn, refreshPath, world } from './support/setup.ts'

const record = (gen: number) => JSON.stringify({ v: 1, gen })
const globals = globalThis as Record<string, unknown>

/** Puts something in the place of a global until the test is over. */
const replaced = new Map<string, PropertyDescriptor | undefined>()
function replace(name: string, value: unknown): void {
  if (!replaced.has(name)) replaced.set(name, Object.getOwnPropertyDescriptor(globals, name))
  Object.defineProperty(globals, name, { value, configurable: true, writable: true })
}
afterEach(() => {
  for (const [name, before] of replaced) {
    if (before) Object.defineProperty(globals, name, before)
    else delete globals[name]
  }
  replaced.clear()
})

function fakeLocalStorage() {
  const entries = new Map<string, string>()
  return {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
  }
}

beforeEach(() => {
  replace('indexedDB', new IDBFactory())
  replace('localStorage', fakeLocalStorage())
})

describe.each([
  ['memory', memoryStorage],
  ['indexeddb', () => indexedDbStorage()],
  ['localstorage', localStorageStorage],
] as const)('%s', (kind, make) => {
  it('never goes backward', async () => {
    const storage = make()
    expect(storage.kind).toBe(kind)
    expect(await storage.get('key')).toBeNull()
    expect(await storage.advance('key', record(3), 3)).toBe(true)
    expect(await storage.advance('key', record(3), 3)).toBe(false)
    expect(await storage.advance('key', record(2), 2)).toBe(false)
    expect(await storage.get('key')).toBe(record(3))
    expect(await storage.advance('key', record(4), 4)).toBe(true)
    expect(await storage.advance('other', record(1), 1)).toBe(true)
    expect(await storage.get('other')).toBe(record(1))
  })

  it('lets one of many writers win', async () => {
    const storage = make()
    const writers = Array.from({ length: 20 }, (_each, index) =>
      storage.advance('key', JSON.stringify({ v: 1, gen: 1, index }), 1),
    )
    const won = (await Promise.all(writers)).filter(Boolean)
    expect(won).toHaveLength(1)
  })

  it('is replaced where it holds what cannot be read', async () => {
    const storage = make()
    await storage.advance('key', 'rubbish', 1)
    expect(await storage.advance('key', record(1), 1)).toBe(true)
  })
})

describe('what storages say of themselves', () => {
  it('is that localStorage can neither compare and set nor lock', () => {
    expect(localStorageStorage().atomic).toBe(false)
    expect(localStorageStorage().lock).toBeUndefined()
    expect(indexedDbStorage().atomic).toBe(true)
  })
})

describe('IndexedDB', () => {
  it('is what a client takes where there is one', async () => {
    const { client, server, clock } = await loggedIn({ storage: undefined as never })
    expect(client.diagnostics().storage).toEqual({ kind: 'indexeddb', atomic: true })
    await client.close()
    const again = new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock, storage: indexedDbStorage() })
    expect((await again.ready()).status).toBe('active')
    await again.close()
  })

  it('tells other tabs that something was written, and not what', async () => {
    const [one, other] = [indexedDbStorage('a'), indexedDbStorage('a')]
    const heard: unknown[] = []
    const stop = other.subscribe!('key', (...said: unknown[]) => void heard.push((said[0] as MessageEvent)?.data))
    await one.advance('key', JSON.stringify({ v: 1, gen: 1, rt: 'secret' }), 1)
    await eventually(() => heard.length > 0)
    stop()
    expect(heard).toEqual([{ gen: 1 }])
    replace('BroadcastChannel', undefined)
    one.subscribe!('key', () => undefined)()
    expect(await one.advance('key', record(2), 2)).toBe(true)
  })

  it('holds no connection between two calls, so nobody who deletes the database waits for it', async () => {
    const storage = indexedDbStorage()
    const factory = indexedDB
    const opened: IDBDatabase[] = []
    replace('indexedDB', {
      open(name: string, version: number) {
        const request = factory.open(name, version)
        request.addEventListener('success', () => void opened.push(request.result))
        return request
      },
    })
    await storage.advance('key', record(1), 1)
    expect(await storage.get('key')).toBe(record(1))
    expect(opened).toHaveLength(2)
    for (const each of opened)
      expect(() => each.transaction('records')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }))
    const blocked = await new Promise((resolve) => {
      const request = factory.deleteDatabase('ntt-auth')
      request.onblocked = () => resolve(true)
      request.onsuccess = () => resolve(false)
    })
    expect(blocked).toBe(false)
    expect(await storage.get('key')).toBeNull()
  })

  it('says so where the database is one of somebody else, and lets go of it', async () => {
    const factory = indexedDB
    const foreign = await new Promise<IDBDatabase>((resolve) => {
      const request = factory.open('shop', 1)
      request.onsuccess = () => resolve(request.result)
    })
    foreign.close()
    const storage = indexedDbStorage('shop')
    await expect(storage.get('key')).rejects.toThrow(/records|object store/i)
    const gone = new Promise((resolve, reject) => {
      const request = factory.deleteDatabase('shop')
      request.onblocked = reject
      request.onsuccess = resolve
    })
    await gone
  })

  it('that is forbidden leaves the session in memory', async () => {
    const fail = () => {
      throw new DOMException('Not here.', 'SecurityError')
    }
    replace('indexedDB', { open: fail })
    const { client, errors } = await loggedIn({ storage: indexedDbStorage() })
    expect(await code(client.refresh())).toBe('fine')
    expect(errors.map(String)).toEqual(['SecurityError: Not here.'])
    await client.close()
  })

  it('that cannot be opened is tried again', async () => {
    const factory = indexedDB
    let broken = true
    replace('indexedDB', {
      open(name: string, version: number) {
        if (!broken) return factory.open(name, version)
        const request = { error: new Error('Quota.') } as unknown as IDBOpenDBRequest
        setTimeout(() => request.onerror!({} as never))
        return request
      },
    })
    const storage = indexedDbStorage()
    await expect(storage.get('key')).rejects.toThrow('Quota.')
    broken = false
    expect(await storage.get('key')).toBeNull()
  })
})

/** An IndexedDB that says neither yes nor no, as some browsers' do at times: when it is opened, or when it is used. */
function silentAt(where: 'open' | 'transaction') {
  const factory = indexedDB
  const state = { silent: true, asked: 0 }
  const nothing = new Proxy({}, { set: () => true, get: () => () => nothing }) as never
  replace('indexedDB', {
    open(name: string, version: number) {
      state.asked++
      if (state.silent && where === 'open') return nothing
      const request = factory.open(name, version)
      request.addEventListener('success', () => {
        const { result } = request
        const transaction = result.transaction.bind(result)
        result.transaction = (...given) => (state.silent && where === 'transaction' ? nothing : transaction(...given))
      })
      return request
    },
  })
  return state
}

describe.each([['open'], ['transaction']] as const)('an IndexedDB that never answers (%s)', (where) => {
  it('keeps a login in memory, says so once, and writes it down when it answers again', async () => {
    const state = silentAt(where)
    const { client, connect, errors, clock } = world({ storage: indexedDbStorage() })
    const { types } = listenTo(client)
    expect(await code(client.login(ada))).toBe('fine')
    await clock.advance(840_000)
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(types().filter((each) => each === 'storage_unavailable')).toHaveLength(1)
    expect(errors.map((each) => (each as AuthError).code)).toContain('timeout')
    state.silent = false
    await client.refresh()
    await client.close()
    const again = connect({ storage: indexedDbStorage() })
    expect((await again.ready()).session?.generation).toBe(client.state.session!.generation)
    await again.close()
  })

  it('ends no session that rests there: the start fails for now, and the next call finds it', async () => {
    const before = await loggedIn({ storage: indexedDbStorage() })
    await before.client.close()
    const state = silentAt(where)
    const client = before.connect({ storage: indexedDbStorage() })
    expect(await code(client.getAccessToken())).toBe('storage_unavailable')
    expect(client.state.status).toBe('loading')
    state.silent = false
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(client.state.session!.id).toBe(before.client.state.session!.id)
    await client.close()
  })

  it('is waited for two seconds once, then shortly, and opened anew each time', async () => {
    const state = silentAt(where)
    const storage = indexedDbStorage()
    const waits: number[] = []
    for (let round = 0; round < 3; round++) {
      await Promise.resolve(storage.get('key')).then(
        () => waits.push(0),
        ({ message }: Error) => waits.push(Number(/within (\d+) ms/.exec(message)![1])),
      )
    }
    expect(waits).toEqual([2000, 200, 200])
    expect(state.asked).toBe(3)
    state.silent = false
    expect(await storage.get('key')).toBeNull()
  })
})

describe('a Web Lock', () => {
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

  it('lets one work after the other', async () => {
    const order: string[] = []
    const work = (name: string) =>
      underWebLock('lock', 1000, async () => {
        order.push(`${name} begins`)
        await wait(10)
        order.push(`${name} ends`)
      })
    await Promise.all([work('one'), work('two')])
    expect(order).toEqual(['one begins', 'one ends', 'two begins', 'two ends'])
  })

  it('that a frozen tab holds is not waited for longer than it is worth, and not stolen', async () => {
    let free!: () => void
    const frozen = underWebLock('held', 1000, () => new Promise<void>((resolve) => (free = resolve)))
    await wait(5)
    expect(await underWebLock('held', 20, async () => 'went on')).toBe('went on')
    free()
    await frozen
  })

  it('passes on what the work throws, once', async () => {
    let runs = 0
    const work = async () => {
      runs++
      throw new Error('mine')
    }
    await expect(underWebLock('lock', 100, work)).rejects.toThrow('mine')
    expect(runs).toBe(1)
  })

  it.each([
    ['missing', undefined],
    ['forbidden', { request: () => Promise.reject(new DOMException('No.', 'SecurityError')) }],
  ])('that is %s is done without', async (_name, locks) => {
    replace('navigator', { locks })
    expect(await underWebLock('lock', 100, async () => 'done')).toBe('done')
  })

  it('is taken for refreshes, unless told otherwise', async () => {
    const names: string[] = []
    const request = (name: string, _options: unknown, work: () => unknown) => {
      names.push(name)
      return work()
    }
    replace('navigator', { locks: { request } })
    const { client, server, connect } = await loggedIn({ storage: indexedDbStorage(), storageKey: 'key' })
    await client.refresh()
    expect(names).toEqual(['ntt-auth:ntt-auth:key'])
    const without = connect({ lock: 'none' })
    await without.refresh()
    expect(names).toHaveLength(1)
    expect(server.count(refreshPath)).toBe(2)
    await Promise.all([client.close(), without.close()])
  })
})
