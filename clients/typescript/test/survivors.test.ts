import { describe, expect, it } from '@jest/globals'
import { ConflictError, memoryStorage, NetworkError } from '../src/index.ts'
import { shareFlight } from '../src/session/flights.ts'
import { step } from '../src/session/machine.ts'
import { recordIn } from '../src/session/record.ts'
import { recordOf } from '../src/session/refresh.ts'
import { resilient } from '../src/storage/resilient.ts'
import { ada, code, eventually, gate, loggedIn, refreshKeys, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000
const problem = (status: number, body: object) =>
  new Response(JSON.stringify({ title: 'x', detail: 'x.', retryable: false, session_ended: false, ...body }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })

describe('a refresh', () => {
  it('that came back with what is held already tells nobody of a new token', () => {
    const held = { gen: 3, sessionId: 'a', dueAt: 75, expiresAt: 100 }
    const state = { status: 'active', held, flight: true } as const
    expect(step(state, { type: 'refreshed', held: { ...held }, now: 80 })).toEqual([
      { ...state, flight: false },
      'settle',
    ])
  })

  it('keeps the key with the token it was made for, and with no other one', () => {
    const body = {
      session_id: 'a',
      user: { id: 'u' },
      access_token: 'x',
      expires_in: 900,
      refresh_expires_in: 9000,
      server_time: '2026-01-01T00:00:00Z',
      generation: 2,
    }
    const answer = (rt: string, n = 2) => ({
      status: 200,
      body: { ...body, refresh_token: rt, generation: n },
      sent: 0,
      received: 0,
    })
    const before = recordOf('https://one.test', 1, answer('first'))
    expect(recordOf('https://one.test', 2, answer('first'), before).rk).toBe(before.rk)
    expect(recordOf('https://one.test', 2, answer('second'), before).rk).not.toBe(before.rk)
    expect(recordOf('https://one.test', 2, answer('first', 3), before).rk).not.toBe(before.rk)
  })

  it('is one for all who ask under a key, and none for those who ask under another', async () => {
    const storage = memoryStorage()
    const ran: string[] = []
    const start = (name: string) => async () => {
      ran.push(name)
      return { error: new NetworkError('timeout', name) }
    }
    const [one, again, two] = await Promise.all([
      shareFlight(storage, 'https://one.test key', start('one')),
      shareFlight(storage, 'https://one.test key', start('again')),
      shareFlight(storage, 'https://two.test key', start('two')),
    ])
    expect(ran).toEqual(['one', 'two'])
    expect(again).toBe(one)
    expect(two).not.toBe(one)
  })

  it('is not shared by clients of two servers, though they share a record', async () => {
    const storage = memoryStorage()
    const one = await loggedIn({ storage, storageKey: 'key' }, { issuer: 'https://one.test' })
    const held = gate()
    one.server.script(refreshPath, { do: 'wait', until: held.until })
    const waiting = code(one.client.refresh())
    await eventually(() => one.server.count(refreshPath) === 1)
    const two = await loggedIn({ storage, storageKey: 'key' }, { issuer: 'https://two.test' })
    const session = two.client.state.session!
    const refreshed = two.client.refresh()
    await eventually(() => two.server.count(refreshPath) === 1)
    expect(await refreshed).toMatchObject({ id: session.id, generation: 1 })
    held.open()
    await waiting
    expect(two.client.state.session).toMatchObject({ id: session.id, generation: 1 })
  })

  it('does not trust the token of a record from the future', async () => {
    const storage = memoryStorage()
    const { client, server, clock } = await loggedIn({ storage, storageKey: 'key' })
    const record = JSON.parse((await storage.get('key'))!)
    await clock.advance(hour)
    const now = clock.wall() / 1000
    // Another process wrote it, by a clock that was an hour fast.
    const ahead = { ...record, gen: record.gen + 1, at: 'of tomorrow', rcv: now + 3600, exp: now + 4500 }
    storage.advance('key', JSON.stringify(ahead), ahead.gen)
    expect(await client.getAccessToken()).not.toBe('of tomorrow')
    expect(server.count(refreshPath)).toBe(1)
    expect(client.diagnostics().counters.adopted).toBe(0)
  })

  it('does not take a record for new whose token is the one that is of no use', async () => {
    const storage = memoryStorage()
    const { client, server } = await loggedIn({ storage, storageKey: 'key' })
    const record = JSON.parse((await storage.get('key'))!)
    storage.advance('key', JSON.stringify({ ...record, gen: record.gen + 1 }), record.gen + 1)
    await client.refresh()
    expect(server.count(refreshPath)).toBe(1)
    expect(await client.getAccessToken()).not.toBe(record.at)
  })

  it('reads the store again before it tries again', async () => {
    const records = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage: records, storageKey: 'key' })
    const other = connect({ storage: { ...records } })
    await other.ready()
    await clock.advance(hour)
    const held = gate()
    server.script(refreshPath, {
      do: 'wait',
      until: held.until.then(() => Promise.reject(new TypeError('fetch failed'))),
    })
    const waiting = client.getAccessToken()
    await eventually(() => server.count(refreshPath) === 1)
    const token = await other.getAccessToken()
    held.open()
    expect(await waiting).toBe(token)
    expect(server.count(refreshPath)).toBe(2)
    expect(refreshKeys(server)[1]).toBe(refreshKeys(server)[0])
  })

  it('ends a session that was overtaken only after another look', async () => {
    const records = memoryStorage()
    const { client, server, clock, connect } = await loggedIn({ storage: records, storageKey: 'key' })
    const other = connect({ storage: { ...records } })
    await clock.advance(hour)
    let token = ''
    server.script(refreshPath, {
      do: 'answer',
      with: () => problem(409, { code: 'refresh_superseded' }),
    })
    const get = records.get
    let reads = 0
    const storage = {
      ...records,
      async get(key: string) {
        // Between the answer and this look another process has stored its tokens.
        if (key === 'key' && ++reads === 3) token = await other.getAccessToken()
        return get(key)
      },
    }
    const third = connect({ storage })
    expect(await third.getAccessToken()).toBe(token)
    expect(third.state.status).toBe('active')
    expect(client.state.session!.id).toBe(third.state.session!.id)
  })
})

describe('a new password', () => {
  it('does not put its tokens over those of a refresh that went further', async () => {
    const storage = memoryStorage()
    const { client, server } = await loggedIn({ storage, storageKey: 'key' })
    const held = gate()
    const me = '/v1/users/me/password'
    server.script(me, { do: 'wait', until: held.until })
    const changing = client.changePassword({ current_password: ada.password, new_password: 'a quieter engine' })
    await eventually(() => server.count(me) === 1)
    held.open()
    // Its answer is on the way, with the tokens of generation 0, when a refresh goes to 1.
    const before = JSON.parse((await storage.get('key'))!)
    const further = { ...before, gen: before.gen + 5, n: 7, at: 'further' }
    storage.advance('key', JSON.stringify(further), further.gen)
    await changing
    expect(JSON.parse((await storage.get('key'))!)).toMatchObject({ n: 7, at: 'further' })
  })
})

describe('a storage with memory behind it', () => {
  it('keeps what is stored where both are equally new', async () => {
    const records = memoryStorage()
    let broken = true
    const writes: string[] = []
    const storage = {
      ...records,
      advance(key: string, record: string, gen: number) {
        if (broken) throw new Error('The disk is full.')
        writes.push(record)
        return records.advance(key, record, gen)
      },
    }
    const kept = resilient()({ storage, storageKey: 'key', lock: 'auto', timeoutMs: 1000 }, () => undefined)
    const mine = JSON.stringify({ v: 1, gen: 1, of: 'mine' })
    const stored = JSON.stringify({ v: 1, gen: 1, of: 'another process' })
    await kept.advance('key', mine, 1)
    records.advance('key', stored, 1)
    broken = false
    expect(await kept.get('key')).toBe(stored)
    expect(writes).toEqual([])
  })

  /** Memory behind a storage that fails while it is `down`. */
  function failing() {
    const cells = new Map<string, string>()
    const records = memoryStorage(cells)
    const state = { down: true, written: undefined as Promise<void> | undefined }
    const guard = <T>(work: () => T) => {
      if (state.down) throw new Error('The disk is full.')
      return work()
    }
    const storage = {
      ...records,
      get: (key: string) => guard(() => records.get(key)),
      async advance(key: string, record: string, gen: number) {
        const done = guard(() => records.advance(key, record, gen))
        await state.written
        return done
      },
    }
    const kept = resilient()({ storage, storageKey: 'key', lock: 'auto', timeoutMs: 1000 }, () => undefined)
    return { cells, records, state, kept }
  }
  const place = (gen: number) => JSON.stringify({ v: 1, gen })

  it('forgets what it kept once that is written down: it brings back nothing that was cleared or replaced', async () => {
    const { cells, records, state, kept } = failing()
    await kept.advance('key', place(1), 1)
    expect(await kept.get('key')).toBe(place(1))
    state.down = false
    expect(await kept.get('key')).toBe(place(1))
    cells.delete('key')
    expect(await kept.get('key')).toBeNull()
    records.advance('key', place(2), 2)
    state.down = true
    // What another process has stored since is not known, and what was there before is no answer.
    expect(await kept.get('key')).toBeUndefined()
  })

  it('does not forget what came while the older one was written down', async () => {
    const { records, state, kept } = failing()
    await kept.advance('key', place(1), 1)
    const { until, open } = gate()
    Object.assign(state, { down: false, written: until })
    const reading = kept.get('key')
    await eventually(() => records.get('key') === place(1))
    state.down = true
    await kept.advance('key', place(2), 2)
    Object.assign(state, { down: false, written: undefined })
    open()
    await reading
    expect(await kept.get('key')).toBe(place(2))
  })
})

describe('a store that was set back', () => {
  it('is mended by the session alone as well, before anything is sent', async () => {
    const records = new Map<string, string>()
    const storage = memoryStorage(records)
    const { client, server, clock } = await loggedIn({ storage, storageKey: 'key' })
    const old = records.get('key')!
    await client.refresh()
    const newest = JSON.parse((await storage.get('key'))!)
    records.set('key', old)
    await clock.advance(hour)
    await client.getAccessToken()
    const sent = server.requests.filter(({ path }) => path === refreshPath)
    expect(sent.map(({ body }) => body.refresh_token)).toEqual([JSON.parse(old).rt, newest.rt])
    expect(server.session(client.state.session!.id)).toMatchObject({ generation: 2, ended: null })
  })
})

describe('fetch', () => {
  async function withApi(apiOrigins?: string[]) {
    const setup = world()
    const sent: string[] = []
    const fetching: typeof fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : String(input)
      if (url.startsWith(setup.server.issuer)) return setup.server.fetch(input, init)
      sent.push(url)
      const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
      return new Response('', sent.length === 1 && !apiOrigins ? { status: 401, headers } : {})
    }
    const client = setup.connect({ fetch: fetching, ...(apiOrigins && { apiOrigins }) })
    await client.login(ada)
    return { ...setup, client, sent }
  }

  it.each([
    'https://api.example.com.evil.test/',
    'https://api.example.com@evil.test/',
    'https://api.example.com:8443/',
    'https://evil.test/?https://api.example.com',
  ])('sends no token to %s, which only begins like what is allowed', async (url) => {
    const { client, sent } = await withApi(['https://api.example.com'])
    expect(await code(client.fetch(url))).toBe('config_invalid')
    expect(sent).toEqual([])
    await client.fetch('https://api.example.com/notes')
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['a stream', () => new ReadableStream({ start: (controller) => controller.close() })],
    [
      'an async iterable',
      () =>
        (async function* () {
          yield new Uint8Array(1)
        })(),
    ],
  ])('sends %s once', async (_name, body) => {
    const { client, server, sent } = await withApi()
    const init = { method: 'POST', body: body(), duplex: 'half' } as unknown as RequestInit
    expect((await client.fetch('https://api.test/', init)).status).toBe(401)
    expect(sent).toHaveLength(1)
    expect(server.count(refreshPath)).toBe(1)
  })
})

describe('an error', () => {
  it('shows neither its cause nor the answer when it is written down', () => {
    const cause = new TypeError('with the token nttr_secret')
    const shown = JSON.stringify(new NetworkError('network_unreachable', 'x', { cause, retryable: true }))
    expect(shown).not.toContain('secret')
    expect(JSON.parse(shown)).toMatchObject({ code: 'network_unreachable', message: 'x', retryable: true })
    const body = { code: 'email_taken', detail: 'secret' } as never
    expect(JSON.stringify(new ConflictError('email_taken', 'x', { problem: body }))).not.toContain('secret')
  })
})

describe('a store that was wiped', () => {
  it('belongs to whoever logs in next, whatever an open page of before still holds', async () => {
    const records = new Map<string, string>()
    const bob = { email: 'bob@example.com', password: 'engine of brass and steam' }
    const { client, server, connect } = await loggedIn({ storage: memoryStorage(records), storageKey: 'key' })
    server.addUser(bob)
    await client.refresh()
    await client.refresh()
    records.clear()
    const next = connect()
    await next.login(bob)
    const { id } = next.state.session!
    expect(await code(client.refresh())).toBe('no_session')
    expect(JSON.parse(records.get('key')!).sid).toBe(id)
    await next.refresh()
    expect((await next.getUser({ fresh: true })).email).toBe(bob.email)
  })
})

describe('a record that cannot be read', () => {
  it('is what is held, and where a cookie is used without the key: it may be of a token of before', async () => {
    const storage = memoryStorage()
    const { client } = await loggedIn({ storage, storageKey: 'key' })
    const held = JSON.parse((await storage.get('key'))!)
    const store = recordIn({ get: () => undefined, advance: () => true }, 'key', held.iss)
    expect((await store.read(held)).record).toEqual(held)
    const { rt: _rt, ...inCookie } = held
    expect((await store.read(inCookie)).record).toEqual({ ...inCookie, rk: undefined })
    expect(await store.read()).toMatchObject({ unknown: true, end: { reason: 'none' } })
    await client.close()
  })
})
