import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { fileStorage } from '../src/file/index.ts'
import { AuthClient, type AuthError, memoryStorage, type SessionStorage } from '../src/index.ts'
import { ada, code, listenTo, loggedIn, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000

/** Memory that two processes share, and that cannot be read while `broken`. */
function fragile(what: 'get' | 'all' = 'get') {
  const records = memoryStorage()
  const state = { broken: false }
  const fail = () => {
    if (state.broken) throw new DOMException('Internal error.', 'UnknownError')
  }
  const storage: SessionStorage = {
    ...records,
    get(key) {
      fail()
      return records.get(key)
    },
    advance(key, record, gen) {
      if (what === 'all') fail()
      return records.advance(key, record, gen)
    },
  }
  return { storage, state, records }
}

describe('a storage that cannot be read', () => {
  // What cannot be written is not gone on from, because others refresh what is stored: see `full-disk.test.ts`.
  it.each([
    ['get', 4],
    ['all', 1],
  ] as const)('ends no session: it goes on in memory (%s fails)', async (what, generation) => {
    const { storage, state, records } = fragile(what)
    const { client, server, clock, connect, errors } = await loggedIn({ storage, storageKey: 'key' })
    const seen = listenTo(client)
    state.broken = true
    for (let round = 0; round < 3; round++) {
      await clock.advance(hour)
      expect(await code(client.getAccessToken())).toBe('fine')
    }
    expect(client.state.status).toBe('active')
    expect(seen.types()).toEqual(['storage_unavailable', 'token_refreshed', 'token_refreshed', 'token_refreshed'])
    expect(errors).toHaveLength(1)
    state.broken = false
    expect(await code(client.refresh())).toBe('fine')
    expect(server.session(client.state.session!.id)).toMatchObject({ generation, ended: null })
    // Whoever comes next finds what is the newest.
    const next = connect({ storage: { ...records } })
    expect((await next.getSession())!.generation).toBe(generation)
    expect(await code(next.refresh())).toBe('fine')
  })

  it('lets a session go on that another process has refreshed meanwhile', async () => {
    const { storage, state, records } = fragile()
    const { client, server, clock, connect } = await loggedIn({ storage, storageKey: 'key' })
    const other = connect({ storage: { ...records } })
    await other.refresh()
    state.broken = true
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    state.broken = false
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(await code(other.refresh())).toBe('fine')
    expect(server.session(client.state.session!.id)!.ended).toBeNull()
  })

  it('at the start is an error that passes, and not a logout', async () => {
    const { storage, state, records } = fragile()
    const { client, server, connect } = await loggedIn({ storage, storageKey: 'key' })
    const before = await records.get('key')
    state.broken = true
    const started = connect()
    const error = (await started.getSession().catch((each) => each)) as AuthError
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true })
    expect(await code(started.getAccessToken())).toBe('storage_unavailable')
    expect(await code(started.getUser())).toBe('storage_unavailable')
    expect(started.state.status).toBe('loading')
    state.broken = false
    expect((await started.getSession())!.id).toBe(client.state.session!.id)
    expect(await records.get('key')).toBe(before)
    expect(server.count(refreshPath)).toBe(0)
  })

  it('at the start does not keep anybody from logging in, and the login outlives it', async () => {
    const { storage, state, records } = fragile('all')
    const { server, connect } = await loggedIn({ storage, storageKey: 'key' })
    server.addUser({ email: 'bob@example.com', password: 'a quiet loom' })
    state.broken = true
    const started = connect()
    const { user } = await started.login({ email: 'bob@example.com', password: 'a quiet loom' })
    expect(await code(started.refresh())).toBe('fine')
    state.broken = false
    // What rested there before does not come back.
    expect(await code(started.refresh())).toBe('fine')
    expect(started.state.session!.userId).toBe(user.id)
    expect(JSON.parse((await records.get('key'))!).sub).toBe(user.id)
  })

  it('keeps nobody from logging out', async () => {
    const { storage, state } = fragile('all')
    const { client, server, connect } = await loggedIn({ storage, storageKey: 'key' })
    const { id } = client.state.session!
    state.broken = true
    expect(await client.logout()).toEqual({ remote: 'done' })
    expect(client.state.status).toBe('logged_out')
    expect(server.session(id)!.ended).toBe('logout')
    state.broken = false
    expect(await code(client.getAccessToken())).toBe('no_session')
    expect(await code(connect().refresh())).toBe('session_ended')
  })
})

describe('a file that broke off', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ntt-auth-broken-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it.each([100, 1, 0])('ends no session that is in memory, and is written anew (%d bytes)', async (length) => {
    const path = join(directory, 'login.json')
    const { client, clock, connect } = await loggedIn({ storage: fileStorage({ path }), storageKey: 'key' })
    const good = readFileSync(path)
    writeFileSync(path, good.subarray(0, length))
    expect(await code(connect({ storage: fileStorage({ path }) }).getSession())).toBe('storage_unavailable')
    await clock.advance(hour)
    expect(await code(client.getAccessToken())).toBe('fine')
    expect(client.state.status).toBe('active')
    expect(readFileSync(`${path}.bad`)).toEqual(good.subarray(0, length))
    const next = connect({ storage: fileStorage({ path }) })
    expect((await next.getSession())!.generation).toBe(1)
  })
})

describe('a record of another server', () => {
  it('is neither sent nor destroyed', async () => {
    const storage = memoryStorage()
    await loggedIn({ storage, storageKey: 'key' })
    const raw = await storage.get('key')
    const staging = world({ storage, storageKey: 'key' }, { issuer: 'https://staging.test' } as never)
    const client = staging.connect({ baseUrl: 'https://staging.test' })
    expect(await client.getSession()).toBeNull()
    expect(await code(client.getAccessToken())).toBe('no_session')
    expect(await client.logout()).toEqual({ remote: 'not_asked' })
    expect(staging.server.requests).toEqual([])
    expect(await storage.get('key')).toBe(raw)
    await client.login(ada)
    await new Promise((resolve) => setTimeout(resolve))
    expect(await storage.get('key.bad')).toBe(raw)
    expect(JSON.stringify(staging.server.requests.map(({ body }) => body))).not.toContain('nttr_')
    // The next one that is found in the way is kept in its place.
    const later = JSON.stringify({ ...JSON.parse(raw!), v: 2, gen: 9 })
    expect(await storage.advance('key', later, 9)).toBe(true)
    await staging.connect({ baseUrl: 'https://staging.test' }).login(ada)
    await new Promise((resolve) => setTimeout(resolve))
    expect(await storage.get('key.bad')).toBe(later)
  })
})

it('a redirect is followed nowhere, with a password least of all, and is no answer of our server', async () => {
  const asked: string[] = []
  const portal = createServer((request, response) => {
    asked.push(request.url!)
    response.writeHead(307, { location: '/portal' }).end()
  })
  portal.listen(0, '127.0.0.1')
  await once(portal, 'listening')
  try {
    const client = new AuthClient({ baseUrl: `http://127.0.0.1:${(portal.address() as AddressInfo).port}` })
    expect(await code(client.login(ada))).toBe('bad_response')
    expect(asked).toEqual(['/v1/auth/login'])
  } finally {
    portal.close()
    portal.closeAllConnections()
  }
})
