import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { tendKeysInTurn } from '../../src/chores/tend-keys.ts'
import { releaseLease, takeLease } from '../../src/database/lease.ts'
import { administrator, eventually, problem } from '../flows/flow-server.ts'
import { type ChildServer, childServer } from '../support/child-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import {
  type Answer,
  type CallOptions,
  call,
  registerSomebody,
  startTestServer,
  type TestServer,
  testMasterKey,
} from '../support/server.ts'

type Node = { call(method: string, path: string, options?: CallOptions): Promise<Answer> }

onEachDatabase((_name, url) => {
  describe('two nodes on one database', () => {
    /** A process of its own, which can be killed. */
    let child: ChildServer
    let here: Node
    let there: TestServer

    before(async () => {
      there = await startTestServer(url())
      const settings = { PASSWORD_HASH: 'argon2id', HASH_MAX_WAIT: '30s' }
      child = childServer({ databaseUrl: url(), masterKey: testMasterKey, settings })
      await child.start()
      here = { call: (...rest) => call(child.address(), ...rest) }
    })
    after(async () => {
      await child?.remove()
      await there?.close()
    })

    const validate = (node: Node, token: string) => node.call('GET', '/v1/auth/validate', { token })
    const refresh = (node: Node, refresh_token: string) =>
      node.call('POST', '/v1/auth/refresh', { body: { refresh_token } })
    const logIn = (node: Node, email: string, password: string) =>
      node.call('POST', '/v1/auth/login', { body: { email, password } })

    it('need nobody to stick to one: registered there, logged in here, refreshed there, logged out here', async () => {
      const { email, password } = await registerSomebody(there)
      const login = await logIn(here, email, password)
      assert.equal((await validate(there, login.body.access_token)).status, 200)
      const first = await refresh(there, login.body.refresh_token)
      const second = await refresh(here, first.body.refresh_token)
      assert.equal(second.body.generation, 2)
      for (const node of [here, there]) assert.equal((await validate(node, second.body.access_token)).status, 200)
      await here.call('POST', '/v1/auth/logout', { body: { refresh_token: second.body.refresh_token } })
      for (const tokens of [login, first, second]) {
        assert.equal(problem(await validate(here, tokens.body.access_token)), '401 token_revoked')
        await eventually(async () => (await validate(there, tokens.body.access_token)).status === 401)
      }
      assert.equal(problem(await refresh(there, second.body.refresh_token)), '401 session_ended logout')
    })

    it('refuse a disabled user at once here and soon there, also after this node was killed and started again', async () => {
      const admin = await administrator(there)
      const person = await registerSomebody(there)
      const dead = async (node: Node) => (await validate(node, person.access_token)).status === 401
      assert.equal(await dead(here), false)
      const disabled = await here.call('POST', `/v1/admin/users/${person.user.id}/disable`, { token: admin.token })
      assert.equal(disabled.status, 204, disabled.text)
      assert.equal(problem(await validate(here, person.access_token)), '401 token_revoked')
      await child.kill()
      await eventually(() => dead(there))
      await child.start()
      for (const node of [here, there]) {
        assert.equal(problem(await validate(node, person.access_token)), '401 token_revoked')
        assert.equal(problem(await refresh(node, person.refresh_token)), '401 session_ended disabled')
        assert.equal((await logIn(node, person.email, person.password)).body.code, 'account_disabled')
      }
    })

    it('hear of what a node had revoked that was killed before anybody asked it', async () => {
      const people = await Promise.all([1, 2, 3, 4, 5].map(() => registerSomebody(there)))
      await Promise.all(
        people.map((person) => here.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })),
      )
      await child.kill()
      for (const person of people) {
        await eventually(async () => (await validate(there, person.access_token)).status === 401)
      }
      await child.start()
      for (const person of people) {
        assert.equal(problem(await validate(here, person.access_token)), '401 token_revoked')
      }
    })

    it('do the chores in turn: while one holds the lease, nobody else does them', async () => {
      const wanted = { name: 'signing-keys', owner: 'another node', now: there.clock.now(), duration: 60_000 }
      let lease: Awaited<ReturnType<typeof takeLease>> = null
      await eventually(async () => {
        lease = await takeLease(there.app.database, wanted)
        return lease !== null
      })
      assert.equal(await tendKeysInTurn(there.app), false)
      await releaseLease(there.app.database, lease!)
      await eventually(() => tendKeysInTurn(there.app))
    })
  })
})
