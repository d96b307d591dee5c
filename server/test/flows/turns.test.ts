import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { it } from 'node:test'
import { inTurn, turnLasts } from '../../src/chores/in-turn.ts'
import { sweep } from '../../src/chores/sweep.ts'
import { testMasterKey } from '../support/server.ts'
import { describeQuickFlow } from './flow-server.ts'

describeQuickFlow('a chore whose node was killed at it', (flow) => {
  // First, while the clock of the test is still the real one, by which the other process goes.
  it('is done by the next node half a minute after `kill -9` of the process that was at it', async () => {
    const { app, clock } = flow.server
    const env = {
      PATH: process.env.PATH,
      NTT_AUTH_DATABASE_URL: flow.url,
      NTT_AUTH_DATA_DIR: join(flow.dataDir, 'victim'),
      NTT_AUTH_MASTER_KEY: testMasterKey,
    }
    const victim = spawn(process.execPath, [join(import.meta.dirname, '../support/stay-at-a-chore.ts'), 'sweep'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [said] = await once(victim.stdout, 'data')
      assert.equal(String(said), 'at it\n')
      assert.equal(await sweep(app), false)
    } finally {
      victim.kill('SIGKILL')
    }
    await once(victim, 'exit')
    clock.advance(turnLasts - 10_000)
    assert.equal(await sweep(app), false)
    clock.advance(10_000)
    assert.equal(await sweep(app), true)
  })

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
