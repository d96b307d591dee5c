import assert from 'node:assert/strict'
import { it } from 'node:test'
import { administrator, describeQuickFlow, logIn, problem, second } from '../flows/flow-server.ts'
import { type Answer, goodPassword, type TestServer } from '../support/server.ts'

type Admin = Awaited<ReturnType<typeof administrator>>

/** Every way in which an administrator can cease to be one. */
const ways: Record<string, (server: TestServer, by: Admin, whom: Admin) => Promise<Answer>> = {
  demoted: (server, by, whom) =>
    server.call('PATCH', `/v1/admin/users/${whom.id}`, { token: by.token, body: { roles: [] } }),
  disabled: (server, by, whom) => server.call('POST', `/v1/admin/users/${whom.id}/disable`, { token: by.token }),
  deleted: (server, by, whom) => server.call('DELETE', `/v1/admin/users/${whom.id}`, { token: by.token }),
  'gone by itself': (server, _by, whom) =>
    server.call('DELETE', '/v1/users/me', { token: whom.token, body: { password: goodPassword } }),
}

describeQuickFlow('the last active administrator', (flow) => {
  const activeAdmins = async () => {
    const { db } = flow.server.app.database
    const rows = await db.selectFrom('users').selectAll().where('status', '=', 'active').execute()
    return rows.filter(({ roles }) => JSON.parse(roles).includes('admin'))
  }
  /** No administrators but these. */
  const only = async (...admins: Admin[]) => {
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ status: 'disabled' }).execute()
    for (const { id } of admins) {
      await db.updateTable('users').set({ status: 'active' }).where('id', '=', id).execute()
    }
  }

  it('can be neither demoted, disabled nor deleted, nor leave by itself', async () => {
    const root = await administrator(flow.server)
    await only(root)
    // An administrator who was invited and has no password yet, or who is disabled, cannot help.
    await flow.server.call('POST', '/v1/admin/users', {
      token: root.token,
      body: { email: 'invited@example.com', roles: ['admin'] },
    })
    for (const [name, way] of Object.entries(ways)) {
      assert.equal(problem(await way(flow.server, root, root)), '409 last_admin', name)
      assert.equal((await logIn(flow.server, root.email)).status, 200, name)
      assert.equal((await activeAdmins()).length, 1, name)
    }
    const change = { token: root.token, body: { roles: ['admin', 'editor'], name: 'Root' } }
    assert.equal((await flow.server.call('PATCH', `/v1/admin/users/${root.id}`, change)).status, 200)
  })

  for (const [name, way] of Object.entries(ways)) {
    it(`is one of two who are ${name} at once, by each other and on two nodes`, async () => {
      const other = await flow.start()
      try {
        for (let round = 0; round < 6; round++) {
          const [one, two] = [await administrator(flow.server), await administrator(flow.server)]
          await only(one, two)
          flow.server.clock.advance(second)
          const answers = await Promise.all([way(flow.server, one, two), way(other, two, one)])
          const done = answers.filter(({ status }) => status < 300).length
          assert.equal((await activeAdmins()).length, 1, `${name}: ${answers.map(problem).join(', ')}`)
          assert.equal(done, 1, answers.map(problem).join(', '))
          // Refused as the last one, or since the other had already taken its tokens' worth.
          const refused = answers.find(({ status }) => status >= 300)!
          assert.ok(['409 last_admin', '401 token_revoked'].includes(problem(refused)), problem(refused))
        }
      } finally {
        await other.close()
      }
    })
  }
})
