import assert from 'node:assert/strict'
import { it } from 'node:test'
import { operatorAct } from '../../src/flows/acting.ts'
import { rotateServiceSecret } from '../../src/flows/change-services.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { describeQuickFlow, problem, second } from '../flows/flow-server.ts'
import { basic } from '../revocations/service.ts'
import { testClock } from '../support/clock.ts'

describeQuickFlow('the secret of a service on a node whose clock is behind', (flow) => {
  it('is over there as well when it is replaced without an overlap', async () => {
    const { server } = flow
    const clock = testClock()
    clock.advance(-30 * second)
    const node = await flow.start({ clock, databaseClock: server.clock })
    try {
      const { service, secret } = await registerService(server.app, operatorAct, 'billing', ['revocations:read'])
      const next = await rotateServiceSecret(server.app, operatorAct, service.id, { overlap: 0, life: null })
      const shows = (each: string) => node.call('GET', '/v1/revocations', { headers: basic(service.clientId, each) })
      assert.equal(problem(await shows(secret)), '401 invalid_client')
      assert.equal((await shows(next.secret)).status, 200)
    } finally {
      await node.close()
    }
  })
})
