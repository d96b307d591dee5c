import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { deleteServiceRows } from '../../src/domain/services/store.ts'
import { createManagementServer } from '../../src/http/management.ts'
import { eventually, problem } from '../flows/flow-server.ts'
import { databases, freshDatabase } from '../support/databases.ts'
import { startTcpGate, type TcpGate } from '../support/fault-proxy.ts'
import { call, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { readEvents } from './event-reader.ts'
import { serviceOf } from './service.ts'

const server = databases.find(({ name, available }) => name !== 'SQLite' && available)

for (const failure of ['open', 'closed'] as const) {
  describe(`a node that cannot reach its database, set to fail ${failure}`, {
    skip: server ? false : 'no server',
  }, () => {
    let fresh: Awaited<ReturnType<typeof freshDatabase>>
    let gate: TcpGate
    let node: TestServer
    let credential: { authorization: string }
    let deleted: { authorization: string }
    let person: Awaited<ReturnType<typeof registerSomebody>>
    let management: { address: string; close(): void }

    before(async () => {
      fresh = await freshDatabase(server!.name)
      const url = new URL(fresh.url)
      gate = await startTcpGate({ host: url.hostname, port: Number(url.port) })
      url.port = String(gate.port)
      const settings = { REVOCATION_FAILURE: failure, REVOCATION_MAX_AGE: '2s', DATABASE_TIMEOUT: '500ms' }
      node = await startTestServer(url.href, { settings })
      const listener = createManagementServer(node.app).listen(0, '127.0.0.1')
      await new Promise((resolve) => listener.once('listening', resolve))
      const { port } = listener.address() as { port: number }
      management = { address: `http://127.0.0.1:${port}`, close: () => listener.close() }
      person = await registerSomebody(node)
      credential = await serviceOf(node, ['introspect', 'revocations:read'])
    })
    after(async () => {
      management?.close()
      gate.gate = () => Promise.resolve()
      await node?.close()
      await gate?.close()
      await fresh?.drop()
    })

    const validate = () => node.call('GET', '/v1/auth/validate', { token: person.access_token })
    const introspect = (token = person.access_token) =>
      node.call('POST', '/oauth2/introspect', {
        body: `token=${token}`,
        headers: { ...credential, 'content-type': 'application/x-www-form-urlencoded' },
      })

    it('validates, and is ready, as long as it sees', async () => {
      assert.equal((await validate()).status, 200)
      assert.equal((await introspect()).body.active, true)
      assert.equal((await node.call('GET', '/health/ready')).status, 200)
    })

    if (failure === 'open') {
      it('forgets a service that another node deletes, though it is not heard of again', async () => {
        const gone = await serviceOf(node, ['introspect'])
        const refused = await serviceOf(node, ['introspect'])
        const ask = (headers: { authorization: string }) =>
          node.call('POST', '/oauth2/introspect', {
            body: `token=${person.access_token}`,
            headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
          })
        assert.deepEqual([(await ask(gone)).status, (await ask(refused)).status], [200, 200])
        const [, first, second] = [...node.app.services.values()].map(({ service }) => service.id)
        const { db } = node.app.database
        // The other node tells this one nothing.
        await deleteServiceRows(db, first!)
        await deleteServiceRows(db, second!)
        const knows = (id: string) => [...node.app.services.values()].some(({ service }) => service.id === id)
        for (const each of node.app.services.values()) if (each.service.id === second) each.until = 0
        assert.equal((await ask(refused)).status, 401)
        assert.equal(knows(second!), false, 'it was told no')
        await eventually(() => !knows(first!))
        assert.equal(node.app.services.size, 1, 'those that are there stay')
        deleted = gone
      })
    }

    it('closes the streams of its followers, who then ask another node', async () => {
      const reader = await readEvents(`${node.address}/v1/revocations/stream`, credential)
      gate.gate = () => new Promise(() => {})
      await reader.ended
      assert.ok(reader.comments.includes('this node has lost sight of revocations'))
    })

    it('says that it is not ready, and why, once it has been blind for too long', async () => {
      await eventually(() => node.app.feed.age() > 2000)
      assert.equal((await node.call('GET', '/health/ready')).status, 503)
      const { body } = await call(management.address, 'GET', '/health/ready')
      assert.ok(
        body.reasons.some((reason: string) => /What other nodes revoke could not be read/.test(reason)),
        JSON.stringify(body),
      )
      assert.ok(node.log.some(({ event }) => event === 'revocations_unreadable'))
    })

    it('does not pretend to its followers that nothing was revoked', async () => {
      const answer = await node.call('GET', '/v1/revocations', { headers: credential })
      assert.equal(problem(answer), '503 unavailable')
      assert.equal(answer.headers.get('retry-after'), '1')
      assert.match(answer.body.detail, /lost sight of revocations/)
    })

    it('keeps nobody waiting for a database that does not answer', async () => {
      const authorization = `Basic ${btoa('somebody:unknown')}`
      const stranger = await node.call('GET', '/v1/revocations', { headers: { authorization } })
      assert.equal(problem(stranger), '503 unavailable')
      assert.match(stranger.body.detail, /lost sight of revocations/)
      const answer = await introspect(person.refresh_token)
      assert.deepEqual([answer.status, answer.body.error], [503, 'temporarily_unavailable'])
    })

    if (failure === 'open') {
      it('goes by what it knows', async () => {
        assert.equal((await validate()).status, 200)
        assert.deepEqual([(await introspect()).status, (await introspect()).body.active], [200, true])
        const headers = { ...deleted, 'content-type': 'application/x-www-form-urlencoded' }
        const answer = await node.call('POST', '/oauth2/introspect', { body: `token=${person.access_token}`, headers })
        assert.equal(answer.status, 503, 'but not by a service that was deleted while it saw')
      })

      it('goes by the services that it saw in the last moments, until their secrets expire', async () => {
        const remembered = node.app.services.values().next().value!
        const { seenAt, expiresAt } = remembered
        remembered.seenAt = node.clock.now() - node.app.feed.age() - 2001
        assert.equal((await introspect()).status, 503)
        Object.assign(remembered, { seenAt, expiresAt: node.clock.now() - 1 })
        assert.equal((await introspect()).status, 503)
        remembered.expiresAt = expiresAt
        assert.equal((await introspect()).status, 200)
      })
    } else {
      it('answers for no token, and calls none bad', async () => {
        const answer = await validate()
        assert.equal(problem(answer), '503 unavailable')
        assert.equal(answer.body.retryable, true)
        assert.match(answer.body.detail, /lost sight of revocations/)
        const remembered = node.app.services.values().next().value!
        remembered.until = node.clock.now() + 1000
        assert.equal(problem(await introspect()), '503 unavailable')
        const logout = await node.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })
        assert.equal(problem(logout), '503 unavailable')
      })
    }

    it('answers as before when the database is back', async () => {
      gate.gate = () => Promise.resolve()
      await eventually(() => node.app.feed.age() < 2000, 20_000)
      assert.equal((await validate()).status, 200)
      await eventually(async () => (await node.call('GET', '/health/ready')).status === 200)
    })
  })
}
