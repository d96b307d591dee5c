import { describe, expect, it } from '@jest/globals'
import { AuthClient, AuthError, ConfigurationError, memoryStorage, SessionClient } from '../src/index.ts'
import { cookies } from '../src/storage/cookies.ts'
import { ada, code, loggedIn, world } from './support/setup.ts'

const baseUrl = 'https://auth.test'
const made = (options: unknown) => {
  try {
    new AuthClient(options as never)
    return 'made'
  } catch (error) {
    return AuthError.is(error) ? error.code : String(error)
  }
}

describe('a client that is set up in a way that cannot work says so at once', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['no address', {}],
    ['a number as its address', { baseUrl: 5 }],
    ['an origin without a scheme', { baseUrl, apiOrigins: ['api.example.com'] }],
    ['a time in words', { baseUrl, timeoutMs: '5000' }],
    ['a time below zero', { baseUrl, timeoutMs: -1 }],
    ['time without end', { baseUrl, timeoutMs: Number.POSITIVE_INFINITY }],
    ['more time than a timer counts', { baseUrl, timeoutMs: 1e12 }],
    ['no number as its time', { baseUrl, timeoutMs: Number.NaN }],
    ['a word as its storage', { baseUrl, storage: 'memory' }],
    ['a word as its delivery', { baseUrl, delivery: 'cookies' }],
    ['a number as its fetch', { baseUrl, fetch: 5 }],
    ['a number as its key', { baseUrl, storageKey: 7 }],
    ['no retries as its retries', { baseUrl, retry: false }],
    ['an option that there is not', { baseUrl, storag: 'x' }],
  ])('%s', (_name, options) => expect(made(options)).toBe('config_invalid'))
})

describe('an option that is wrong is named, with what it got and what it takes', () => {
  it.each([
    [{ lock: 'never' }, '"options.lock": auto or none expected, got never.'],
    [{ retry: { baseMs: Number.NaN } }, '"retry.baseMs": ms expected, got NaN.'],
    [{ retry: { capMs: 0 } }, '"retry.capMs": ms expected, got 0.'],
    [{ retry: { backgroundCapMs: '5' } }, '"retry.backgroundCapMs": ms expected, got string.'],
    [{ retry: { base: 5 } }, '"retry": baseMs,capMs,backgroundCapMs expected, got base.'],
    [{ storage: {} }, '"options.storage.kind": string expected, got undefined.'],
    [{ storage: { ...memoryStorage(), advance: true } }, '"options.storage.advance": function expected, got boolean.'],
    [{ clock: { wall: () => 0 } }, '"options.clock.monotonic": function expected, got undefined.'],
    [{ timeoutMs: -1 }, '"options.timeoutMs": ms expected, got -1.'],
    [{ fetch: 'a secret' }, '"options.fetch": function expected, got string.'],
    [{ crossTab: 'no' }, '"options.crossTab": boolean expected, got string.'],
    [{ autoRefresh: 'no' }, '"options.autoRefresh": boolean expected, got string.'],
    [{ apiOrigins: {} }, '"options.apiOrigins.map": function expected, got undefined.'],
    [{ apiOrigins: ['a secret'] }, '"options.apiOrigins": https://… expected, got string.'],
    [{ baseUrl: undefined }, '"options.baseUrl": https://… expected, got undefined.'],
    [
      { storag: 'a secret' },
      expect.stringMatching(/^"options": baseUrl,storageKey,.*,autoRefresh expected, got storag\.$/),
    ],
  ] as [object, unknown][])('%j', (options, message) => {
    expect(() => new AuthClient({ baseUrl, ...options })).toThrow(
      expect.objectContaining({ code: 'config_invalid', message }) as never,
    )
  })

  it('also by the session alone, which knows fewer of them', () => {
    const refused = (options: object) =>
      expect(() => new SessionClient({ baseUrl, ...options } as never)).toThrow(ConfigurationError)
    refused({ lock: 'never' })
    refused({ retry: { baseMs: Number.NaN } })
    refused({ storage: {} })
    refused({ autoRefresh: true })
    expect(() => new SessionClient(undefined as never)).toThrow(ConfigurationError)
    expect(() => cookies({} as never)).toThrow(/cookies\(\) expected/)
    expect(() => new AuthClient({ baseUrl, delivery: cookies as never })).toThrow(/cookies\(\) expected/)
  })
})

it('options that are null or undefined are left out', () => {
  expect(made({ baseUrl, storage: null, fetch: undefined, onError: null, timeoutMs: undefined })).toBe('made')
})

describe('a call with what cannot be meant', () => {
  it.each([
    ['updateUser()', (client) => client.updateUser(undefined as never)],
    ['updateUser(5)', (client) => client.updateUser(5 as never)],
    ['forgotPassword()', (client) => client.forgotPassword(undefined as never)],
    ['resetPassword("x")', (client) => client.resetPassword('x' as never)],
    ['fetch of a path', (client) => client.fetch('/notes')],
    ['fetch of nothing', (client) => client.fetch(undefined as never)],
    ['a session called ".."', (client) => client.sessions.revoke('..')],
    ['a session called "."', (client) => client.sessions.revoke('.')],
    ['a session that is a path', (client) => client.sessions.revoke('../../admin/users/x')],
    ['a session without a name', (client) => client.sessions.revoke('')],
    ['a time below zero', (client) => client.getAccessToken({ timeoutMs: -1 })],
    ['a time in words', (client) => client.login(ada, { timeoutMs: 'x' as never })],
    ['no signal as its signal', (client) => client.login(ada, { signal: 'x' as never })],
    ['a signal that is an object', (client) => client.getUser({ fresh: true, signal: {} as never })],
  ] as [string, (client: AuthClient) => Promise<unknown>][])(
    'is refused, and sends nothing: %s',
    async (_name, work) => {
      const { client, server } = await loggedIn()
      const before = server.requests.length
      expect(await code(work(client))).toBe('config_invalid')
      expect(server.requests).toHaveLength(before)
      expect(client.state.status).toBe('active')
    },
  )

  it.each([
    ['getUser', (client) => client.getUser(null as never)],
    ['getAccessToken', (client) => client.getAccessToken(null as never)],
    ['refresh', (client) => client.refresh(null as never)],
    ['ready', (client) => client.ready(null as never)],
    ['sessions.list', (client) => client.sessions.list(null as never)],
    ['login', (client) => client.login(ada, null as never)],
    ['logout', (client) => client.logout(null as never)],
    ['times left out', (client) => client.getUser({ fresh: true, timeoutMs: undefined } as never)],
  ] as [string, (client: AuthClient) => Promise<unknown>][])(
    'may leave its options out by null: %s',
    async (_name, work) => {
      const { client } = await loggedIn()
      expect(await code(work(client))).toBe('fine')
    },
  )

  it('is refused where it is no listener, and after the end', async () => {
    const { client } = world()
    for (const listener of [undefined, null, 5]) expect(() => client.onChange(listener as never)).toThrow(/function/)
    await client.close()
    expect(() => client.onChange(() => undefined)).toThrow(/closed/)
  })
})
