import { describe, expect, it } from '@jest/globals'
import type { Tokens } from '../src/contract.ts'
import { memoryStorage } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { ada, code, loggedIn, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000

describe('an answer to a refresh that is not what was asked for', () => {
  it.each([
    ['a token that lasts no time', { expires_in: 0 }],
    ['one that lasts less', { expires_in: -5 }],
    ['one of which nobody knows', { expires_in: null }],
    ['none', { access_token: '' }],
    ['another session', { session_id: 'another' }],
    ['another user', { user: { id: 'another' } }],
    ['no refresh token', { refresh_token: undefined }],
  ])('is not stored, and asked for again: %s', async (_name, odd) => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage, storageKey: 'key' })
    const before = await storage.get('key')
    let isOdd = true
    const fetching: typeof fetch = async (input, init) => {
      const response = await server.fetch(input, init)
      if (!isOdd || !String(input).endsWith(refreshPath)) return response
      return Response.json({ ...((await response.json()) as Tokens), ...odd })
    }
    const other = connect({ fetch: fetching, timeoutMs: 2000, storage: { ...storage } })
    await other.ready()
    await clock.advance(hour)
    const error = await other.getAccessToken().catch((each) => each)
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    // By chance the last try begins a moment before there is no time left.
    expect(error.cause.code).toMatch(/^(bad_response|timeout)$/)
    expect(await storage.get('key')).toBe(before)
    expect(server.count(refreshPath)).toBeLessThan(10)
    isOdd = false
    expect(await code(other.refresh())).toBe('fine')
    expect(await code(client.refresh())).toBe('fine')
  })
})

describe('an answer to a call that is not what was asked for', () => {
  it.each([
    ['the profile', '/v1/users/me', (client) => client.getUser({ fresh: true })],
    ['a change of it', '/v1/users/me', (client) => client.updateUser({ name: 'Ada' })],
    ['a list of sessions', '/v1/users/me/sessions?limit=50', (client) => client.sessions.list()],
    ['own data', '/v1/users/me/export?limit=200', (client) => client.exportData()],
    [
      'a changed password',
      '/v1/users/me/password',
      (client) => client.changePassword({ current_password: 'a', new_password: 'b' }),
    ],
    ['a login that is put off', '/v1/auth/login', (client) => client.login(ada)],
  ] as [string, string, (client: Awaited<ReturnType<typeof loggedIn>>['client']) => Promise<unknown>][])(
    'is not believed: %s',
    async (_name, path, work) => {
      const { server, client } = await loggedIn({ storage: memoryStorage(), storageKey: 'key' })
      const user = await client.getUser()
      const status = path === '/v1/auth/login' ? 202 : 200
      const fetching: typeof fetch = async (input, init) =>
        String(input).endsWith(path) ? Response.json({ hello: 'guest' }, { status }) : server.fetch(input, init)
      Object.assign(Reflect.get(client, 'settings'), { fetch: fetching })
      expect(await code(work(client))).toBe('bad_response')
      expect(client.state.status).toBe('active')
      expect(await client.getUser()).toEqual(user)
    },
  )
})

describe('two servers behind one key', () => {
  it('get no refresh of each other', async () => {
    const storage = memoryStorage()
    const { client, server, clock, connect } = world({ storage, storageKey: 'key' })
    const second = mockAuthServer({ clock, issuer: 'https://two.test' })
    second.addUser(ada)
    await client.login(ada)
    const other = connect({ baseUrl: second.issuer, fetch: second.fetch })
    await other.login(ada)
    const [, first] = await Promise.all([
      other.refresh(),
      client.getAccessToken({ forceRefresh: true }).catch(() => null),
    ])
    expect(second.count(refreshPath)).toBe(1)
    if (first) expect(JSON.parse(atob(first.split('.')[1]!)).iss).toBe(server.issuer)
    else expect(first).toBeNull()
  })
})

it('what is no number of seconds gives out no expired token', async () => {
  const { client, clock } = await loggedIn()
  const old = await client.getAccessToken()
  await clock.advance(hour)
  expect(await client.getAccessToken({ minValidSeconds: Number.NaN }).catch(() => '')).not.toBe(old)
})
