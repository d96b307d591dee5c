import assert from 'node:assert/strict'
import { it } from 'node:test'
import { findUser } from '../../src/domain/users/find.ts'
import { withLivingRoles } from '../../src/flows/living-roles.ts'
import {
  administrator,
  day,
  describeQuickFlow,
  eventually,
  keyA,
  logIn,
  minute,
  problem,
  refresh,
  second,
  validate,
} from '../flows/flow-server.ts'
import { testClock } from '../support/clock.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'

const changeRoles = (server: TestServer, token: string, id: string, roles: string[]) =>
  server.call('PATCH', `/v1/admin/users/${id}`, { token, body: { roles } })

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

describeQuickFlow('a change of roles between nodes whose clocks differ', (flow) => {
  // SQLite has no clock but that of the node.
  if (flow.name === 'SQLite') return

  /** Another node, whose clock is off by so much. */
  async function withNode(off: number, check: (node: TestServer) => Promise<void>): Promise<void> {
    const clock = testClock()
    clock.advance(off)
    const node = await flow.start({ clock, databaseClock: flow.server.clock })
    try {
      await check(node)
    } finally {
      await node.close()
    }
  }

  for (const off of [20 * second, 50 * minute]) {
    it(`takes an administrator's rights away whose token was made by a clock ${off / second} s ahead`, async () => {
      await withNode(off, async (node) => {
        const { server } = flow
        const [keeper, demoted] = [await administrator(server), await administrator(server)]
        const token = (await logIn(node, demoted.email)).body.access_token
        assert.equal((await changeRoles(server, keeper.token, demoted.id, [])).status, 200)
        await eventually(async () => (await validate(node, token)).status === 401, 5 * second)
        for (const each of [server, node]) {
          assert.equal((await each.call('GET', '/v1/admin/users', { token })).status, 401)
          assert.equal((await changeRoles(each, token, demoted.id, ['admin'])).status, 401)
        }
      })
    })
  }

  for (const off of [40 * minute, -40 * minute]) {
    it(`locks nobody out where the clock of the node that did it is off by ${off / minute} minutes`, async () => {
      await withNode(off, async (node) => {
        const { server } = flow
        const admin = await administrator(server)
        const there = (await logIn(node, admin.email)).body.access_token
        const one = await registerSomebody(server)
        assert.equal((await changeRoles(node, there, one.user.id, ['editor'])).status, 200)
        await eventually(async () => (await validate(server, one.access_token)).status === 401)
        for (const each of [server, node]) {
          for (const answer of [await refresh(each, one.refresh_token, keyA), await logIn(each, one.email)]) {
            assert.deepEqual(answer.body.user.roles, ['editor'])
            const checked = await validate(each, answer.body.access_token)
            assert.deepEqual([checked.status, checked.body.claims?.roles], [200, ['editor']])
          }
        }
      })
    })
  }
})

describeQuickFlow('a change of roles', (flow) => {
  it('locks nobody out when the clock was a day ahead and is set back, nor after a restart', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    server.clock.advance(day)
    const admin = await administrator(server)
    const changed = await changeRoles(server, admin.token, one.user.id, ['editor'])
    server.clock.advance(-day)
    assert.equal(changed.status, 200)
    assert.equal(problem(await validate(server, one.access_token)), '401 token_revoked')
    const again = await flow.start()
    try {
      for (const each of [server, again]) {
        const answer = await logIn(each, one.email)
        assert.deepEqual(claimsOf(answer.body.access_token).roles, ['editor'])
        assert.equal((await validate(each, answer.body.access_token)).status, 200)
        assert.equal(problem(await validate(each, one.access_token)), '401 token_revoked')
      }
    } finally {
      await again.close()
    }
  })

  it('is followed by tokens that are good from this moment on, also for whoever forgives no clock', async () => {
    const { server } = flow
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    assert.equal((await changeRoles(server, admin.token, one.user.id, ['editor'])).status, 200)
    for (const answer of [await refresh(server, one.refresh_token, keyA), await logIn(server, one.email)]) {
      const { iat, nbf } = claimsOf(answer.body.access_token)
      const now = server.clock.now() / 1000
      assert.ok(iat <= now && nbf <= now, `${iat} ${nbf} ${now}`)
    }
  })

  it('kills what was made between two of them, in whatever haste they come', async () => {
    const { server } = flow
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    const tokens = [one.access_token]
    for (const role of ['a', 'b', 'c', 'a']) {
      assert.equal((await changeRoles(server, admin.token, one.user.id, [role])).status, 200)
      for (const token of tokens) assert.equal(problem(await validate(server, token)), '401 token_revoked')
      const { access_token } = (await logIn(server, one.email)).body
      assert.deepEqual((await validate(server, access_token)).body.claims.roles, [role])
      tokens.push(access_token)
    }
  })

  it('gives the roles another id in its transaction, so that a node which has not heard of it makes no token of the former', async () => {
    const { server } = flow
    const { db } = server.app.database
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    const ids = [one.user.id]
    for (const role of ['a', 'b', 'a']) {
      assert.equal((await changeRoles(server, admin.token, one.user.id, [role])).status, 200)
      const query = db.selectFrom('users').select('roles_id').where('id', '=', one.user.id)
      const { roles_id } = await query.executeTakeFirstOrThrow()
      assert.ok(roles_id !== null && !ids.includes(roles_id))
      ids.push(roles_id)
      // What changes something else leaves it.
      await server.call('PATCH', `/v1/admin/users/${one.user.id}`, { token: admin.token, body: { name: role } })
      assert.deepEqual({ ...(await query.executeTakeFirstOrThrow()) }, { roles_id })
      assert.equal(claimsOf((await logIn(server, one.email)).body.access_token).roles_id, roles_id)
    }
    const rows = await db.selectFrom('revocations').selectAll().where('subject', 'in', ids).execute()
    assert.deepEqual(
      new Set(rows.map(({ kind, subject }) => `${kind} ${subject}`)),
      new Set(ids.slice(0, -1).map((id) => `roles ${id}`)),
    )
  })

  it('that comes between reading a user and making a token is read, where this node has heard of it', async () => {
    const { server } = flow
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    const read = async () => (await findUser(server.app.database.db, one.user.id))!
    const before = await read()
    assert.equal(withLivingRoles(server.app, before), before)
    assert.equal((await changeRoles(server, admin.token, one.user.id, ['editor'])).status, 200)
    const { roles, rolesId } = await read()
    assert.deepEqual(await withLivingRoles(server.app, before), { ...before, roles, rolesId })
    assert.deepEqual([(await read()).rolesId, roles], [rolesId, ['editor']])
  })

  it('that a restored database has forgotten locks nobody out', async () => {
    const { server } = flow
    const { db } = server.app.database
    const admin = await administrator(server)
    const one = await registerSomebody(server)
    const before = await db.selectFrom('users').selectAll().where('id', '=', one.user.id).executeTakeFirstOrThrow()
    assert.equal((await changeRoles(server, admin.token, one.user.id, ['editor'])).status, 200)
    await db.updateTable('users').set(before).where('id', '=', one.user.id).execute()
    for (const answer of [await refresh(server, one.refresh_token, keyA), await logIn(server, one.email)]) {
      const checked = await validate(server, answer.body.access_token)
      assert.deepEqual([checked.status, checked.body.claims?.roles], [200, []])
    }
    assert.equal(problem(await validate(server, one.access_token)), '401 token_revoked')
  })
})
