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
    const other = connect({ fetch: fetching, timeoutMs: 200, storage: { ...storage } })
    await other.ready()
    await clock.advance(hour)
    const error = await other.getAccessToken().catch((each) => each)
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true, cause: { code: 'bad_response' } })
    expect(await storage.get('key')).toBe(before)
    expect(server.count(refreshPath)).toBeLessThan(10)
    isOdd = false
    expect(await code(other.refresh())).toBe('fine')
    expect(await code(client.refresh())).toBe('fine')
  })
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
