import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTurn, turnLasts } from '../../src/chores/in-turn.ts'
import { describeFlow } from './flow-server.ts'

describeFlow('a chore whose node was killed at it', (flow) => {
  it('is taken over by another when its turn has lasted half a minute, and not before', async () => {
    const { server } = flow
    const other = await flow.start()
    try {
      const began = Promise.withResolvers<void>()
      // Nothing ever ends this one, and it renews nothing: so is a node after `kill -9`.
      void inTurn(server.app, 'a chore', () => {
        began.resolve()
        return new Promise(() => undefined)
      })
      await began.promise
      let done = 0
      const tryIt = () => inTurn(other.app, 'a chore', async () => void done++)
      assert.equal(await tryIt(), false)
      server.clock.advance(turnLasts - 10_000)
      assert.equal(await tryIt(), false)
      server.clock.advance(10_000)
      assert.equal(await tryIt(), true)
      assert.equal(done, 1)
      assert.equal(turnLasts, 30_000)
    } finally {
      await other.close()
    }
  })
})
