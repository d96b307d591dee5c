import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { unplaced } from '../../src/domain/revocations/place.ts'
import { recordRevocations } from '../../src/domain/revocations/record.ts'
import type { RevocationRow } from '../../src/domain/revocations/store.ts'
import { readFeed } from '../../src/flows/read-feed.ts'
import { newId } from '../../src/random.ts'
import { describeQuickFlow, eventually, hour, minute, problem, validate } from '../flows/flow-server.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'

describeQuickFlow('a node that follows the others', (flow) => {
  let here: TestServer
  let there: TestServer
  before(async () => {
    here = flow.server
    there = await flow.start()
  })
  after(() => there?.close())

  const revoked = (server: TestServer, sid: string) => server.app.revocations.has({ sid, sub: '', jti: '', iat: 0 }, '')
  const logout = (server: TestServer, token: string) =>
    server.call('POST', '/v1/auth/logout', { token, body: { scope: 'this' } })
  const record = (server: TestServer, subject: string, at = server.clock.now()) =>
    inTransaction(server.app.database, (tx) =>
      recordRevocations(tx, 'session', [subject], 'logout', { before: at, until: server.clock.now() + hour }, at),
    )
  const placeOf = async (subject: string) => {
    const query = here.app.database.db.selectFrom('revocations').select('position').where('subject', '=', subject)
    return (await query.executeTakeFirstOrThrow()).position
  }

  it('refuses at once what it revoked itself, and soon what another did', async () => {
    const person = await registerSomebody(here)
    assert.equal((await validate(there, person.access_token)).status, 200)
    await logout(here, person.access_token)
    assert.equal(problem(await validate(here, person.access_token)), '401 token_revoked')
    await eventually(async () => (await validate(there, person.access_token)).status === 401)
  })

  it('gives what it revoked a place without waiting for the next poll', async () => {
    const person = await registerSomebody(here)
    await logout(here, person.access_token)
    await eventually(async () => (await placeOf(person.session_id)) !== unplaced, 900)
  })

  it('places what a node left behind that died after its commit', async () => {
    const subject = newId(1)
    await record(here, subject)
    await eventually(() => revoked(here, subject) && revoked(there, subject))
    await eventually(async () => (await placeOf(subject)) !== unplaced)
  })

  it('hears how long each took, those of others and its own, and each once', async () => {
    const heard: [TestServer, string, number][] = []
    for (const server of [here, there]) {
      server.app.feed.onLag((milliseconds, origin) => heard.push([server, origin, milliseconds]))
    }
    const person = await registerSomebody(here)
    await logout(here, person.access_token)
    await eventually(() => revoked(there, person.session_id))
    await eventually(async () => (await placeOf(person.session_id)) !== unplaced)
    await readFeed(here.app)
    await readFeed(there.app)
    assert.deepEqual(
      heard.map(([server, origin]) => [server === here, origin]),
      [
        [true, 'here'],
        [false, 'elsewhere'],
      ],
    )
    assert.ok(heard.every(([, , milliseconds]) => milliseconds >= 0 && milliseconds < 5000))
  })

  it('has read everything before it is ready', async () => {
    const subjects = Array.from({ length: 1500 }, () => newId(1))
    const span = { before: here.clock.now(), until: here.clock.now() + hour }
    await inTransaction(here.app.database, (tx) =>
      recordRevocations(tx, 'session', subjects, 'admin', span, span.before),
    )
    const third = await flow.start()
    try {
      for (const subject of subjects) assert.ok(revoked(third, subject))
    } finally {
      await third.close()
    }
  })

  // One connection serves the embedded database, so that nothing else happens while a transaction is open.
  if (flow.name !== 'SQLite') {
    it('misses none that was stamped long before others and committed long after them', async () => {
      const subject = newId(1)
      const [stamped, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const anHourAgo = here.clock.now() - hour
      const late = inTransaction(here.app.database, async (tx) => {
        const span = { before: anHourAgo, until: here.clock.now() + hour }
        await recordRevocations(tx, 'session', [subject], 'logout', span, anHourAgo)
        stamped.resolve()
        await go.promise
      })
      await stamped.promise
      for (let round = 0; round < 3; round++) {
        const other = newId(1)
        await record(here, other)
        await readFeed(there.app)
        assert.ok(revoked(there, other))
      }
      assert.equal(revoked(there, subject), false)
      const head = there.app.feed.head()
      go.resolve()
      await late
      await readFeed(there.app)
      assert.ok(revoked(there, subject))
      await eventually(async () => (await placeOf(subject)) > head)
    })
  }

  it('keeps what it knows through a clock that is set forward and back', async () => {
    const subject = newId(1)
    await record(here, subject)
    await readFeed(there.app)
    flow.server.clock.advance(2 * hour)
    await eventually(() => !revoked(there, subject))
    flow.server.clock.advance(-2 * hour)
    await eventually(() => revoked(there, subject))
    flow.server.clock.advance(-hour)
    const later = newId(1)
    await record(here, later)
    await eventually(() => revoked(there, later))
    flow.server.clock.advance(hour)
  })

  it('notices that the database went back, reads all of it again, and ends again what it knows to have ended', async () => {
    const person = await registerSomebody(there)
    const { db } = there.app.database
    const backup = {
      head: there.app.feed.head() - minute,
      session: await db
        .selectFrom('sessions')
        .selectAll()
        .where('id', '=', person.session_id)
        .executeTakeFirstOrThrow(),
    }
    await logout(there, person.access_token)
    await eventually(async () => (await placeOf(person.session_id)) !== unplaced)
    await eventually(() => revoked(here, person.session_id))
    const restarts = there.app.feed.restarts()

    await db.deleteFrom('revocations').where('subject', '=', person.session_id).execute()
    await db
      .updateTable('sessions')
      .set({ ended_at: null, end_reason: null })
      .where('id', '=', person.session_id)
      .execute()
    await db.updateTable('revocation_feed').set({ position: backup.head }).execute()
    await eventually(() => there.app.feed.restarts() > restarts)
    await eventually(async () => {
      const { ended_at } = await db
        .selectFrom('sessions')
        .select('ended_at')
        .where('id', '=', person.session_id)
        .executeTakeFirstOrThrow()
      return ended_at !== null
    })
    await eventually(async () => ((await placeOf(person.session_id).catch(() => 0)) as number) > backup.head)
  })

  it('goes on where another stopped: a row without a place is after every other', async () => {
    const rows: RevocationRow[] = [...(await record(here, newId(1))), ...(await record(there, newId(1)))]
    for (const { position } of rows) assert.equal(position, unplaced)
    await eventually(async () => {
      const places = await Promise.all(rows.map(({ subject }) => placeOf(subject)))
      return places.every((place) => place < unplaced && place <= Math.max(here.app.feed.head(), there.app.feed.head()))
    })
  })
})
