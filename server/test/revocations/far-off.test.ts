import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describeFlow, eventually, hour, problem } from '../flows/flow-server.ts'
import { testClock } from '../support/clock.ts'
import { registerSomebody } from '../support/server.ts'
import { readEvents } from './event-reader.ts'
import { serviceOf } from './service.ts'

describeFlow('a node whose clock is set hours ahead of the database', (flow) => {
  // SQLite has no clock but that of the node.
  if (flow.name === 'SQLite') return

  it('says nothing of revocations, rather than that there were none, until its clock is right', async () => {
    const { server } = flow
    const clock = testClock()
    const settings = { REVOCATION_FAILURE: 'closed' }
    const node = await flow.start({ clock, databaseClock: server.clock, settings })
    try {
      const credential = await serviceOf(server, ['introspect', 'revocations:read'])
      const one = await registerSomebody(server)
      const poll = (query = '') => node.call('GET', `/v1/revocations${query}`, { headers: credential })
      const since = `?since=${(await poll()).body.cursor}`
      const stream = await readEvents(`${node.address}/v1/revocations/stream`, credential)
      assert.equal((await node.call('GET', '/v1/auth/validate', { token: one.access_token })).status, 200)

      clock.advance(5 * hour)
      await stream.ended
      assert.ok(stream.comments.includes('this node has lost sight of revocations'))
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
})
