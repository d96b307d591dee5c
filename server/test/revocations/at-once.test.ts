import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { listSigningKeys } from '../../src/domain/keys/store.ts'
import { actingAs, systemAct } from '../../src/flows/acting.ts'
import { disableUser } from '../../src/flows/disable-user.ts'
import { readFeed } from '../../src/flows/read-feed.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { revokeToken } from '../../src/flows/revoke-token.ts'
import { rotateKeys } from '../../src/flows/rotate-keys.ts'
import { describeQuickFlow, eventually, keyA, problem, refresh, sessionOf, validate } from '../flows/flow-server.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'

const rounds = 8

describeQuickFlow('two nodes that revoke the same thing at the same moment', (flow) => {
  let nodes: [TestServer, TestServer]
  before(async () => {
    nodes = [flow.server, await flow.start()]
  })
  after(() => nodes?.[1].close())

  const db = () => flow.server.app.database.db
  const rowsOf = async (subject: string) =>
    (await db().selectFrom('revocations').selectAll().where('subject', '=', subject).execute()).length
  const linesOf = async (event: string, subject: string) =>
    (
      await db()
        .selectFrom('audit_lines')
        .select('seq')
        .where('event', '=', event)
        .where('subject_id', '=', subject)
        .execute()
    ).length
  /** Both refuse it at once, and go on doing so when they have heard of each other. */
  const refuse = async (token: string, code = '401 token_revoked') => {
    for (const node of nodes) assert.equal(problem(await validate(node, token)), code)
    for (const node of nodes) await readFeed(node.app)
    for (const node of nodes) assert.equal(problem(await validate(node, token)), code)
  }

  it('end a session once, and both say that it is over', async () => {
    for (let round = 0; round < rounds; round++) {
      const one = await registerSomebody(nodes[round % 2]!)
      const answers = await Promise.all(
        nodes.map((node) => node.call('POST', '/v1/auth/logout', { token: one.access_token, body: {} })),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        [204, 204],
      )
      await refuse(one.access_token)
      assert.equal(await rowsOf(one.session_id), 1)
      assert.equal(await linesOf('session_ended', one.session_id), 1)
      assert.equal((await sessionOf(nodes[0], one.session_id)).end_reason, 'logout')
      for (const { app } of nodes) assert.ok([...app.journal.newestFirst()].some(({ id }) => id === one.session_id))
    }
  })

  it('end it once also where one logs out and the other disables the user', async () => {
    for (let round = 0; round < rounds; round++) {
      const one = await registerSomebody(nodes[0])
      const [logout] = await Promise.all([
        nodes[0].call('POST', '/v1/auth/logout', { body: { refresh_token: one.refresh_token } }),
        disableUser(nodes[1].app, systemAct, one.user.id),
      ])
      assert.equal(logout.status, 204)
      for (const node of nodes) await readFeed(node.app)
      await refuse(one.access_token)
      // Both may say so to those who follow; who listens twice hears the same.
      assert.ok((await rowsOf(one.session_id)) >= 1)
      assert.match((await sessionOf(nodes[0], one.session_id)).end_reason!, /^(logout|disabled)$/)
      const again = problem(await refresh(nodes[0], one.refresh_token, keyA))
      assert.match(again, /^401 session_ended (logout|disabled)$/)
    }
  })

  it('disable a user once', async () => {
    for (let round = 0; round < rounds; round++) {
      const one = await registerSomebody(nodes[0])
      await Promise.all(nodes.map((node) => disableUser(node.app, systemAct, one.user.id)))
      for (const node of nodes) await readFeed(node.app)
      await refuse(one.access_token)
      assert.equal(await rowsOf(one.session_id), 1)
      assert.equal(await linesOf('user_disabled', one.user.id), 1)
    }
  })

  it('give up an access token, which stays dead on both, and its session alive', async () => {
    for (let round = 0; round < rounds; round++) {
      const one = await registerSomebody(nodes[0])
      const thrice = [...nodes, ...nodes, ...nodes]
      await Promise.all(thrice.map(({ app }) => revokeToken(app, actingAs(systemAct, one.user.id), one.access_token)))
      await refuse(one.access_token)
      const { jti } = JSON.parse(Buffer.from(one.access_token.split('.')[1]!, 'base64url').toString())
      assert.deepEqual([await rowsOf(jti), await linesOf('token_revoked', jti)], [1, 1])
      for (const { app } of nodes) assert.ok([...app.journal.newestFirst()].some(({ id }) => id === jti))
      assert.equal((await refresh(nodes[1], one.refresh_token, keyA)).status, 200)
    }
  })

  it('revoke the key that signs, and agree on the one that takes over', async () => {
    for (let round = 0; round < 3; round++) {
      const one = await registerSomebody(nodes[0])
      const { kid } = nodes[0].app.keyring.signer()!
      await Promise.all(nodes.map((node) => revokeKey(node.app, systemAct, kid)))
      const active = (await listSigningKeys(db())).filter(({ state }) => state === 'active')
      assert.equal(active.length, 1)
      for (const { app } of nodes) await app.keys.read()
      for (const { app } of nodes) assert.equal(app.keyring.signer()!.kid, active[0]!.kid)
      for (const node of nodes) assert.match(problem(await validate(node, one.access_token)), /^401 /)
      const fresh = await refresh(nodes[1], one.refresh_token, keyA)
      await eventually(async () => (await validate(nodes[0], fresh.body.access_token)).status === 200)
    }
  })

  it('revoke a key while the other rotates, and sign by it no more', async () => {
    for (let round = 0; round < 3; round++) {
      const { kid } = nodes[0].app.keyring.signer()!
      await Promise.all([revokeKey(nodes[0].app, systemAct, kid), rotateKeys(nodes[1].app, systemAct, { now: true })])
      const rows = await listSigningKeys(db())
      assert.equal(rows.filter(({ state }) => state === 'active').length, 1)
      assert.equal(
        rows.some((row) => row.kid === kid),
        false,
      )
      for (const { app } of nodes) await app.keys.read()
      for (const { app } of nodes) assert.notEqual(app.keyring.signer()!.kid, kid)
    }
  })
})
