import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { inTransaction } from '../../src/database/transaction.ts'
import { feedCursors } from '../../src/domain/revocations/cursor.ts'
import { recordRevocations } from '../../src/domain/revocations/record.ts'
import type { ServiceScope } from '../../src/domain/services/service.ts'
import { readFeed } from '../../src/flows/read-feed.ts'
import { revocationStream } from '../../src/http/revocation-stream.ts'
import { newId } from '../../src/random.ts'
import { describeQuickFlow, eventually, hour, minute } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { type EventReader, readEvents } from './event-reader.ts'
import { serviceOf } from './service.ts'

const path = '/v1/revocations/stream'

describeQuickFlow('the stream of revocations', (flow) => {
  let here: TestServer
  let there: TestServer
  let credential: { authorization: string }
  const open: EventReader[] = []
  before(async () => {
    here = flow.server
    there = await flow.start()
    credential = await serviceOf(here, ['revocations:read'])
  })
  afterEach(() => {
    for (const reader of open.splice(0)) reader.hangUp()
  })
  after(() => there?.close())

  const follow = async (server: TestServer, headers: Record<string, string> = {}, query = '') => {
    const reader = await readEvents(server.address + path + query, { ...credential, ...headers })
    assert.equal(reader.status, 200)
    open.push(reader)
    return reader
  }
  const itemsOf = ({ events }: EventReader) =>
    events.filter(({ type }) => type === 'revocation').map(({ data, id }) => ({ ...JSON.parse(data), cursor: id }))
  const idsOf = (reader: EventReader) => itemsOf(reader).map(({ id }) => id as string)
  const logOut = async (server: TestServer) => {
    const person = await registerSomebody(server)
    await server.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })
    return person.session_id
  }
  const cursorNow = async (server: TestServer) => {
    await readFeed(server.app)
    return server.app.feedCursors.mint(server.app.feed.head())
  }

  it('begins with everything that matters, and says so', async () => {
    const id = await logOut(here)
    await readFeed(here.app)
    const reader = await follow(here)
    await eventually(() => idsOf(reader).includes(id))
    assert.equal(reader.events[0]!.type, 'snapshot')
    assert.equal(reader.events.filter(({ type }) => type === 'snapshot').length, 1)
    assert.match(reader.headers.get('content-type')!, /^text\/event-stream/)
    assert.equal(reader.headers.get('cache-control'), 'no-store')
    assert.equal(reader.headers.get('x-accel-buffering'), 'no')
  })

  it('tells at once what this node revokes, and soon what another does, in the same words as the poll', async () => {
    const cursor = await cursorNow(here)
    const reader = await follow(here, { 'last-event-id': cursor })
    const [mine, other] = [await logOut(here), await logOut(there)]
    await eventually(() => idsOf(reader).length === 2)
    assert.deepEqual(new Set(idsOf(reader)), new Set([mine, other]))
    assert.ok(reader.events.every(({ type }) => type === 'revocation'))
    const polled = await here.call('GET', `/v1/revocations?since=${cursor}`, { headers: credential })
    assert.deepEqual(
      itemsOf(reader).map(({ cursor: _, ...item }) => item),
      polled.body.items,
    )
    assert.equal(reader.events.at(-1)!.id, polled.body.cursor)
  })

  it('goes on at any node where it was cut off, by Last-Event-ID or by "since"', async () => {
    const first = await follow(here, { 'last-event-id': await cursorNow(here) })
    const known = await logOut(here)
    await eventually(() => idsOf(first).includes(known))
    first.hangUp()
    const missed = [await logOut(here), await logOut(there)]
    const { id: cursor } = first.events.at(-1)!
    for (const again of [
      await follow(there, { 'last-event-id': cursor }),
      await follow(here, {}, `?since=${cursor}`),
      await follow(here, { 'last-event-id': cursor }, `?since=${await cursorNow(here)}`),
      await follow(here, { 'last-event-id': '' }, `?since=${cursor}`),
    ]) {
      await eventually(() => idsOf(again).length === 2)
      assert.deepEqual(new Set(idsOf(again)), new Set(missed))
      assert.ok(again.events.every(({ type }) => type === 'revocation'))
    }
  })

  it('misses none of those that share a place, wherever it is cut off among them', async () => {
    const cursor = await cursorNow(here)
    const subjects = Array.from({ length: 450 }, () => newId(1))
    const now = here.clock.now()
    const span = { before: now, until: now + hour }
    await inTransaction(here.app.database, (tx) => recordRevocations(tx, 'session', subjects, 'admin', span, now))
    await readFeed(here.app)
    const whole = await follow(here, { 'last-event-id': cursor })
    await eventually(() => idsOf(whole).length === subjects.length)
    assert.deepEqual(idsOf(whole).sort(), subjects.toSorted())
    const items = itemsOf(whole)
    for (const at of [0, 57, 199, 200, 449]) {
      const had = items.slice(0, at + 1).map(({ id }) => id)
      const rest = await follow(at % 2 === 0 ? here : there, { 'last-event-id': items[at]!.cursor })
      await eventually(() => new Set([...had, ...idsOf(rest)]).size === subjects.length)
      rest.hangUp()
    }
  })

  it('says "snapshot" to a cursor that is too old, and to one that the database does not know', async () => {
    const alive = await logOut(here)
    await readFeed(here.app)
    const { mint } = here.app.feedCursors
    for (const cursor of [mint(here.clock.now() - 4 * hour), mint(0), mint(here.app.feed.head() + hour)]) {
      const reader = await follow(here, { 'last-event-id': cursor })
      await eventually(() => idsOf(reader).includes(alive))
      assert.equal(reader.events[0]!.type, 'snapshot')
    }
  })

  it('says nothing to one who is up to date, however long nothing was revoked', async () => {
    const cursor = await cursorNow(here)
    here.clock.advance(hour)
    const reader = await follow(here, { 'last-event-id': cursor })
    const id = await logOut(here)
    await eventually(() => idsOf(reader).length > 0)
    assert.deepEqual([reader.events.length, idsOf(reader)], [1, [id]])
  })

  it('says "snapshot" when the database goes back while it is open', async () => {
    const reader = await follow(here, { 'last-event-id': await cursorNow(here) })
    const alive = await logOut(here)
    await eventually(() => idsOf(reader).includes(alive))
    const { db } = here.app.database
    await db
      .updateTable('revocation_feed')
      .set((row) => ({ position: row('position', '-', minute) }))
      .execute()
    await eventually(() => reader.events.some(({ type }) => type === 'snapshot'))
    await eventually(() => idsOf(reader).filter((id) => id === alive).length > 1)
  })

  it('refuses a cursor that was made up, and names the header', async () => {
    const forged = feedCursors([Buffer.alloc(32, 9)]).mint(5)
    for (const cursor of [forged, 'x', 'ä'.normalize('NFD').slice(0, 1)]) {
      const answer = await here.call('GET', path, { headers: { ...credential, 'last-event-id': cursor } })
      assert.equal(answer.status, 422)
      assert.equal(answer.body.errors[0].pointer, '/headers/last-event-id')
    }
  })

  it('ends for a service whose secret is removed, expires, or loses the scope, and not for others', async () => {
    const other = await follow(here)
    const { db } = here.app.database
    const idOf = ({ authorization }: { authorization: string }) =>
      Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0]!
    const rowOf = async (header: { authorization: string }) =>
      db.selectFrom('services').selectAll().where('client_id', '=', idOf(header)).executeTakeFirstOrThrow()
    const ways: Record<string, (serviceId: string) => Promise<unknown>> = {
      removed: (id) => db.deleteFrom('service_secrets').where('service_id', '=', id).execute(),
      expired: (id) =>
        db.updateTable('service_secrets').set({ expires_at: here.clock.now() }).where('service_id', '=', id).execute(),
      'without the scope': (id) =>
        db.updateTable('services').set({ scopes: '["introspect"]' }).where('id', '=', id).execute(),
      'removed with its service': (id) => db.deleteFrom('services').where('id', '=', id).execute(),
    }
    for (const [way, change] of Object.entries(ways)) {
      const header = await serviceOf(here, ['revocations:read', 'introspect'] as ServiceScope[])
      const reader = await follow(here, header)
      await change((await rowOf(header)).id)
      await reader.ended
      assert.ok(reader.comments.includes('this credential may no longer follow'), way)
    }
    assert.equal(await Promise.race([other.ended.then(() => 'ended'), delay(10, 'open')]), 'open')
  })

  it('opens nothing for one who asks for the headers only', async () => {
    await eventually(() => here.app.followers.all().length === 0)
    const response = await fetch(here.address + path, { method: 'HEAD', headers: credential })
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type')!, /^text\/event-stream/)
    assert.equal(here.app.followers.all().length, 0)
  })

  it('forgets whoever hangs up', async () => {
    const before = here.app.followers.all().length
    const reader = await follow(here)
    assert.equal(here.app.followers.all().length, before + 1)
    reader.hangUp()
    await eventually(() => here.app.followers.all().length === before)
  })
})

describe('a server with streams', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  before(async () => {
    fresh = await freshDatabase('SQLite')
  })
  after(() => fresh.drop())

  it('serves so many and no more, and another when one has left', async () => {
    const server = await startTestServer(fresh.url, { settings: { REVOCATION_STREAMS: '2' } })
    try {
      const credential = await serviceOf(server, ['revocations:read'])
      const readers = [
        await readEvents(server.address + path, credential),
        await readEvents(server.address + path, credential),
      ]
      const refused = await server.call('GET', path, { headers: credential })
      assert.equal(refused.body.code, 'overloaded')
      assert.equal(refused.headers.get('retry-after'), '5')
      readers[0]!.hangUp()
      await eventually(() => !server.app.followers.isFull())
      const third = await readEvents(server.address + path, credential)
      assert.equal(third.status, 200)
      third.hangUp()
      readers[1]!.hangUp()
    } finally {
      await server.close()
    }
  })

  it('ends them in order when it stops, and tells why', async () => {
    const server = await startTestServer(fresh.url)
    const credential = await serviceOf(server, ['revocations:read'])
    const readers = await Promise.all([1, 2, 3].map(() => readEvents(server.address + path, credential)))
    await server.close()
    for (const reader of readers) {
      await reader.ended
      assert.ok(reader.comments.includes('the server is stopping'))
    }
  })

  it('shows that the connection is alive while nothing happens', async () => {
    const server = await startTestServer(fresh.url)
    try {
      const stream = revocationStream(server.app, 'secret', server.app.feed.head(), 20).setEncoding('utf8')
      let text = ''
      for await (const piece of stream) {
        text += piece
        if (text.split(': alive\n\n').length > 3) break
      }
      assert.match(text, /^retry: 1000\n\n(event: snapshot\n.*\n.*\n\n)?(: alive\n\n)+$/)
    } finally {
      await server.close()
    }
  })

  describe('and a reader that never reads', () => {
    let server: TestServer
    before(async () => {
      server = await startTestServer(fresh.url)
      // The database would say that it has gone back.
      const { db } = server.app.database
      await inTransaction(server.app.database, (tx) =>
        tx.insertInto('revocation_feed').values({ name: 'revocations', position: 1 }).execute(),
      ).catch(() => {})
      await db
        .updateTable('revocation_feed')
        .set({ position: server.clock.now() + hour })
        .execute()
    })
    after(() => server.close())

    /** So many new rows at the end of the feed, as if they had been read from the database. */
    const append = (count: number) => {
      const now = server.clock.now()
      const head = Math.max(server.app.feed.head(), now)
      const rows = Array.from({ length: count }, (_, index) => ({
        id: newId(now),
        kind: 'session' as const,
        subject: newId(now),
        before_at: now,
        until_at: now + hour,
        reason: 'logout',
        revoked_at: now,
        position: head + 1 + Math.floor(index / 100),
      }))
      server.app.feed.append(rows)
    }

    it('keeps no more for it than one piece, however much was revoked', async () => {
      const stream = revocationStream(server.app, 'secret', null)
      stream.read(0)
      const sizes: number[] = []
      for (let round = 0; round < 60; round++) {
        append(1000)
        await delay(1)
        sizes.push(stream.readableLength)
      }
      assert.ok(sizes.at(-1)! > 0)
      assert.ok(Math.max(...sizes) < 128 * 1024, `${Math.max(...sizes)} bytes`)
      stream.destroy()
    })

    it('drops it once it has fallen behind the rows that all share, and keeps those who read', async () => {
      const credential = await serviceOf(server, ['revocations:read'])
      const honest = await readEvents(server.address + path, credential)
      const { hostname, port } = new URL(server.address)
      const socket = connect({ host: hostname, port: Number(port) })
      socket.on('error', () => {})
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.pause()
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${credential.authorization}\r\n\r\n`)
      await eventually(() => server.app.followers.all().length === 2)
      await eventually(() => server.app.followers.all().every((follower) => follower.isLive()))
      // First the buffers of the kernel fill, then ours; only then does it fall behind.
      await eventually(() => {
        append(1000)
        return server.log.some(({ event }) => event === 'follower_dropped')
      }, 30_000)
      assert.equal(server.app.followers.all().length, 1)
      socket.resume()
      await closed
      const last = server.app.feed.head()
      await eventually(() => honest.events.at(-1)?.id === server.app.feedCursors.mint(last), 30_000)
      honest.hangUp()
    })
  })
})
