import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { feedCursors } from '../../src/domain/revocations/cursor.ts'
import { recordRevocations } from '../../src/domain/revocations/record.ts'
import { readFeed, readPage } from '../../src/flows/read-feed.ts'
import { newId } from '../../src/random.ts'
import { describeQuickFlow, eventually, minute } from '../flows/flow-server.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'
import { serviceOf } from './service.ts'

describeQuickFlow('the feed of revocations', (flow) => {
  let here: TestServer
  let there: TestServer
  let credential: Record<string, string>
  before(async () => {
    here = flow.server
    there = await flow.start()
    credential = await serviceOf(here, ['revocations:read'])
  })
  after(() => there?.close())

  type Item = { kind: string; id: string; before: string; until: string; reason: string; revoked_at: string }
  type Page = { cursor: string; items: Item[]; more: boolean }
  const ask = async (server: TestServer, since?: string) => {
    const query = since === undefined ? '' : `?since=${since}`
    const { status, body, text } = await server.call('GET', `/v1/revocations${query}`, { headers: credential })
    assert.equal(status, 200, text)
    return body as Page
  }
  /** Asks on until there is no more. */
  const askAll = async (server: TestServer, since?: string): Promise<Page> => {
    const page = await ask(server, since)
    if (!page.more) return page
    const rest = await askAll(server, page.cursor)
    return { ...rest, items: [...page.items, ...rest.items] }
  }
  const idsOf = (page: Page) => page.items.map(({ id }) => id)
  const logOut = async (server: TestServer) => {
    const person = await registerSomebody(server)
    await server.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })
    return person.session_id
  }
  /** A node that loses too many contests for places leaves the rest to its next reading. */
  const settle = async () => {
    for (let behind = true; behind; ) {
      behind = false
      for (const { app } of [here, there]) await readFeed(app)
      for (const { app } of [here, there]) behind ||= (await readPage(app, app.feed.head())).rows.length > 0
    }
  }

  it('tells everything that matters, then what is new, and nothing twice', async () => {
    const first = await logOut(here)
    await settle()
    const snapshot = await ask(here)
    assert.ok(idsOf(snapshot).includes(first))
    assert.deepEqual(await ask(here, snapshot.cursor), { cursor: snapshot.cursor, items: [], more: false })

    const [second, third] = [await logOut(here), await logOut(there)]
    await settle()
    const news = await ask(here, snapshot.cursor)
    assert.deepEqual(new Set(idsOf(news)), new Set([second, third]))
    assert.deepEqual(await ask(here, news.cursor), { cursor: news.cursor, items: [], more: false })
  })

  it('says of each what it names, until when it matters, why and when', async () => {
    const { cursor } = await ask(here)
    const id = await logOut(here)
    await settle()
    const [item] = (await ask(here, cursor)).items
    const at = Date.parse(item!.revoked_at)
    assert.ok(Math.abs(at - here.clock.now()) < minute)
    assert.deepEqual(item, {
      kind: 'session',
      id,
      before: item!.revoked_at,
      until: new Date(at + 180 * minute + 30_000).toISOString(),
      reason: 'logout',
      revoked_at: item!.revoked_at,
    })
  })

  it('goes on at any node, whichever of them is ahead', async () => {
    let { cursor } = await ask(here)
    const told = new Set<string>()
    const expected = new Set<string>()
    for (let round = 0; round < 6; round++) {
      expected.add(await logOut(round % 2 === 0 ? here : there))
      // Only one of them has read it: the other is a poll behind.
      await readFeed((round % 2 === 0 ? here : there).app)
      for (const server of [here, there]) {
        const page = await ask(server, cursor)
        assert.ok(page.items.length <= 2, 'a node that is behind does not start all over')
        for (const id of idsOf(page)) told.add(id)
        cursor = page.cursor
      }
    }
    await settle()
    for (const id of idsOf(await ask(there, cursor))) told.add(id)
    assert.deepEqual(told, expected)
  })

  it('comes in pages that miss none, also where thousands share a moment', async () => {
    const { cursor } = await ask(here)
    const subjects = Array.from({ length: 2345 }, () => newId(1))
    const now = here.clock.now()
    const span = { before: now, until: now + minute }
    // Batches whose ends are not those of pages: who goes on behind a batch that was cut in two misses the rest.
    for (const some of [subjects.slice(0, 150), subjects.slice(150)]) {
      await inTransaction(here.app.database, (tx) => recordRevocations(tx, 'session', some, 'admin', span, now))
      await settle()
    }
    const told: string[] = []
    let since = cursor
    for (let page = await ask(here, since); ; page = await ask(here, since)) {
      told.push(...idsOf(page))
      assert.ok(page.items.length <= 1000)
      since = page.cursor
      if (!page.more) break
      assert.ok(page.items.length > 0)
    }
    assert.deepEqual(told.sort(), subjects.sort())
  })

  it('leaves out what no longer matters', async () => {
    const id = await logOut(here)
    await settle()
    assert.ok(idsOf(await askAll(here)).includes(id))
    here.clock.advance(181 * minute)
    assert.ok(!idsOf(await askAll(here)).includes(id))
  })

  it('refuses a cursor that was made up, and says how to go on', async () => {
    const { cursor } = await ask(here)
    const forged = [
      feedCursors([Buffer.alloc(32, 9)]).mint(5),
      `${cursor.slice(0, -1)}${cursor.endsWith('A') ? 'B' : 'A'}`,
      Buffer.from('0').toString('base64url'),
      `${cursor}x`,
      'x',
    ]
    for (const since of forged) {
      const { status, body } = await here.call('GET', `/v1/revocations?since=${since}`, { headers: credential })
      assert.equal(status, 422, since)
      assert.equal(body.errors[0].pointer, '/query/since')
      assert.match(body.detail, /as it was received, or none to get everything/)
    }
  })

  it('starts over for a cursor that the database does not know, because it went back', async () => {
    const id = await logOut(here)
    await settle()
    const { cursor } = await askAll(here)
    const ahead = here.app.feedCursors.mint(here.app.feedCursors.read(cursor)! + 10 * minute)
    const page = await askAll(here, ahead)
    assert.ok(idsOf(page).includes(id))
    assert.equal(page.cursor, cursor)
  })

  it('is told to no service without the scope, and to no user', async () => {
    const person = await registerSomebody(here)
    const other = await serviceOf(here, ['introspect'])
    assert.equal((await here.call('GET', '/v1/revocations', { headers: other })).body.code, 'forbidden')
    assert.equal(
      (await here.call('GET', '/v1/revocations', { token: person.access_token })).body.code,
      'invalid_client',
    )
  })

  it('asks the database nothing where there is nothing new', async () => {
    const { cursor } = await askAll(here)
    await eventually(() => here.app.feed.head() === here.app.feedCursors.read(cursor))
    const { database } = here.app
    const deaf = { ...database, db: null as never }
    Object.assign(here.app, { database: deaf })
    try {
      assert.deepEqual((await ask(here, cursor)).items, [])
    } finally {
      Object.assign(here.app, { database })
    }
  })
})
