import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Database } from '../../src/database/connect.ts'
import { newId } from '../../src/random.ts'
import { administrator, describeQuickFlow, problem, validate } from '../flows/flow-server.ts'
import { registerSomebody } from '../support/server.ts'

describeQuickFlow('an administrator of whose end this node has not heard yet', (flow) => {
  type Db = Database['db']
  const ends: Record<string, (db: Db, user: string) => Promise<unknown>> = {
    'was demoted': (db, user) =>
      db
        .updateTable('users')
        .set({ roles: '[]', roles_id: newId(1) })
        .where('id', '=', user)
        .execute(),
    'was disabled': (db, user) => db.updateTable('users').set({ status: 'disabled' }).where('id', '=', user).execute(),
    'was deleted': (db, user) => db.deleteFrom('users').where('id', '=', user).execute(),
    'was logged out': (db, user) =>
      db.updateTable('sessions').set({ ended_at: 1, end_reason: 'logout' }).where('user_id', '=', user).execute(),
  }
  for (const [what, end] of Object.entries(ends)) {
    it(`can do nothing here any more once it ${what}`, async () => {
      const { server } = flow
      await administrator(server)
      const { id, token } = await administrator(server)
      const other = await registerSomebody(server)
      const list = () => server.call('GET', '/v1/admin/users', { token })
      assert.equal((await list()).status, 200)
      await end(server.app.database.db, id)
      assert.equal((await validate(server, token)).status, 200)
      assert.equal(problem(await list()), '401 token_revoked')
      for (const user of [id, other.user.id]) {
        const promoted = await server.call('PATCH', `/v1/admin/users/${user}`, { token, body: { roles: ['admin'] } })
        assert.equal(problem(promoted), '401 token_revoked')
      }
    })
  }
})
