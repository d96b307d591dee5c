import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { recordRevocations } from '../../src/domain/revocations/record.ts'
import { readFeed } from '../../src/flows/read-feed.ts'
import { newId } from '../../src/random.ts'
import { describeQuickFlow, eventually, hour, problem } from '../flows/flow-server.ts'
import { testClock } from '../support/clock.ts'
import { registerSomebody } from '../support/server.ts'
import { readEvents } from './event-reader.ts'
import { serviceOf } from './service.ts'

describeQuickFlow('a node whose clock is set hours ahead of the database', (flow) => {
  // SQLite has no clock but that of the node.
  if (flow.name === 'SQLite') return

  it('says nothing of revocations, rather than that there were none, until its clock is right', async () => {
    const { server } = flow
    const clock = testClock()
    // So long that it is the clock alone that makes it blind.
    const settings = { REVOCATION_FAILURE: 'closed', REVOCATION_MAX_AGE: '10m' }
    const node = await flow.start({ clock, databaseClock: server.clock, settings })
    try {
      const credential = await serviceOf(server, ['introspect', 'revocations:read'])
      const one = await registerSomebody(server)
      const poll = (query = '') => node.call('GET', `/v1/revocations${query}`, { headers: credential })
      const since = `?since=${(await poll()).body.cursor}`
      const stream = await readEvents(`${node.address}/v1/revocations/stream`, credential)
      assert.equal((await node.call('GET', '/v1/auth/validate', { token: one.access_token })).status, 200)

      clock.advance(5 * hour)
      await eventually(() => stream.comments.includes('this node has lost sight of revocations'))
      await server.call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } })
      const answers = [await poll(since), await node.call('GET', '/v1/auth/validate', { token: one.access_token })]
      for (const answer of answers) {
        assert.equal(problem(answer), '503 unavailable')
        assert.match(answer.body.detail, /its clock is too far off/)
      }
      assert.equal((await node.call('GET', '/health/ready')).status, 503)

      clock.advance(-5 * hour)
      await eventually(async () => (await poll(since)).status === 200)
      const { items } = (await poll(since)).body
      assert.ok(items.some(({ id }: { id: string }) => id === one.session_id))
      assert.equal(
        problem(await node.call('GET', '/v1/auth/validate', { token: one.access_token })),
        '401 token_revoked',
      )
    } finally {
      await node.close()
    }
  })

  it('reads nothing meanwhile, and reads again what it had passed before it noticed', async () => {
    const { server } = flow
    const clock = testClock()
    const node = await flow.start({ clock, databaseClock: server.clock })
    const { feed, time } = node.app
    /** Revoked and in its place, where the clock is right. */
    const place = async (life: number) => {
      const [now, subject] = [server.clock.now(), newId(1)]
      const span = { before: now, until: now + life }
      await inTransaction(server.app.database, (tx) => recordRevocations(tx, 'session', [subject], 'logout', span, now))
      const find = () => server.app.feed.behind(0)?.find((row) => row.subject === subject)
      await eventually(() => find() !== undefined)
      return find()!
    }
    try {
      clock.advance(2 * hour)
      await eventually(() => time.isFarOff())
      const [head, restarts] = [feed.head(), feed.restarts()]
      // The one has lapsed by the clock of the node, the other has not.
      const [lapsed, alive] = [await place(hour), await place(3 * hour)]
      let readings = 0
      const { measure } = time
      time.measure = () => {
        readings++
        return measure()
      }
      await eventually(() => readings >= 3)
      assert.deepEqual([feed.head(), feed.restarts()], [head, restarts])
      // As it would have read in the moment before it noticed.
      await readFeed(node.app)
      assert.equal(feed.head(), alive.position)
      clock.advance(-2 * hour)
      await eventually(() => feed.restarts() > restarts && feed.head() >= alive.position)
      assert.ok(feed.behind(lapsed.position - 1)!.some(({ subject }) => subject === lapsed.subject))
    } finally {
      await node.close()
    }
  })
})
