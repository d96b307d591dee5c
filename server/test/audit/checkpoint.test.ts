import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { takeLease } from '../../src/database/lease.ts'
import { checkpointKeys } from '../../src/domain/audit/checkpoint-keys.ts'
import { openLanes } from '../../src/domain/audit/lanes.ts'
import { verifyLog } from '../../src/domain/audit/verify.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { gaugeReadings } from '../../src/http/gauges.ts'
import { describeQuickFlow, minute } from '../flows/flow-server.ts'
import type { TestServer } from '../support/server.ts'

describeQuickFlow('the checkpoints of a server', (flow) => {
  const write = (app: TestServer['app']) =>
    inAuditedTransaction(app, operatorAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
  /** A chain of its own, as the command line writes it. */
  const commandLine = (app: TestServer['app']) => write({ ...app, audit: openLanes() })
  const verdict = () => {
    const { database, masterKeys } = flow.server.app
    return verifyLog(database.db, { keys: checkpointKeys(masterKeys), copies: [], tell: () => undefined })
  }
  const uncovered = async () => (await verdict()).uncovered_lines

  it('cover at an orderly stop what others wrote, though the server itself wrote nothing', async () => {
    const server = await flow.start()
    await server.close()
    assert.equal(await uncovered(), 0)
    const idle = await flow.start()
    await commandLine(flow.server.app)
    await commandLine(flow.server.app)
    assert.equal(await uncovered(), 2)
    await idle.close()
    assert.equal(await uncovered(), 0)
    assert.deepEqual((await verdict()).findings, [])
  })

  it('cover at an orderly stop what is written while it stops', async () => {
    const server = await flow.start()
    server.app.later(async () => {
      await delay(50)
      await write(server.app)
      server.app.later(() => write(server.app))
    })
    await server.close()
    assert.equal(await uncovered(), 0)
  })

  it('wait for their turn at an orderly stop, though not for ever', async () => {
    const server = await flow.start()
    const lease = (duration: number) => {
      const { database, clock } = flow.server.app
      return takeLease(database, { name: 'audit-checkpoint', owner: 'x', now: clock.now(), duration })
    }
    await write(flow.server.app)
    assert.ok(await lease(500))
    await server.close()
    assert.equal(await uncovered(), 0)
    const another = await flow.start()
    await write(flow.server.app)
    assert.ok(await lease(60_000))
    await another.close()
    assert.equal(await uncovered(), 1)
    flow.server.clock.advance(minute)
  })

  it('show on the metrics page for how long no line was sure to be covered', async () => {
    const age = async (server: TestServer) => {
      const [reading] = await gaugeReadings(server.app).ntt_auth_audit_checkpoint_age_seconds()
      return Math.floor(reading!.value)
    }
    const server = await flow.start()
    assert.equal(await age(server), 0)
    flow.server.clock.advance(minute)
    assert.equal(await age(server), 60)
    await server.close()
    assert.equal(await age(server), 0)
  })
})
