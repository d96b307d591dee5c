import assert from 'node:assert/strict'
import { it } from 'node:test'
import { findUser } from '../../src/domain/users/find.ts'
import { asOfNow, issueTokens } from '../../src/flows/issue-tokens.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { administrator, describeQuickFlow, keyA, logIn, problem, refresh, validate } from './flow-server.ts'

describeQuickFlow('tokens made right after a revocation', (flow) => {
  const roles = (admin: string, id: string, list: string[]) =>
    flow.server.call('PATCH', `/v1/admin/users/${id}`, { token: admin, body: { roles: list } })

  it('are good at once when somebody logs in after a logout everywhere, in the very second', async () => {
    const one = await registerSomebody(flow.server)
    const answer = await flow.server.call('POST', '/v1/auth/logout', {
      token: one.access_token,
      body: { scope: 'all' },
    })
    assert.equal(answer.status, 204)
    const again = await logIn(flow.server, one.email)
    assert.equal((await validate(flow.server, again.body.access_token)).status, 200)
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
  })

  it('are good at once after other roles, by login and by refresh, and speak of the new ones', async () => {
    const admin = await administrator(flow.server)
    const one = await registerSomebody(flow.server)
    assert.equal((await roles(admin.token, one.user.id, ['editor'])).status, 200)
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    for (const answer of [await refresh(flow.server, one.refresh_token, keyA), await logIn(flow.server, one.email)]) {
      const checked = await validate(flow.server, answer.body.access_token)
      assert.deepEqual([checked.status, checked.body.claims?.roles], [200, ['editor']])
      assert.ok(answer.body.expires_in <= 900)
    }
    // What the second change does to tokens that came between is not softened by that.
    const between = await logIn(flow.server, one.email)
    assert.equal((await roles(admin.token, one.user.id, [])).status, 200)
    assert.equal(problem(await validate(flow.server, between.body.access_token)), '401 token_revoked')
  })

  it('are dead when the user was read before', async () => {
    const admin = await administrator(flow.server)
    const one = await registerSomebody(flow.server)
    const { app } = flow.server
    const asOf = asOfNow(app)
    const user = (await findUser(app.database.db, one.user.id))!
    assert.equal((await roles(admin.token, one.user.id, ['editor'])).status, 200)
    const life = { createdAt: asOf.at, expiresAt: asOf.at + 1000 }
    const session = { grant: 'refresh' as const, id: one.session_id, generation: 1, ...life }
    assert.equal(
      problem(await validate(flow.server, issueTokens(app, session, user, asOf).accessToken)),
      '401 token_revoked',
    )
    const still = (await findUser(app.database.db, one.user.id))!
    const now = issueTokens(app, session, still, asOfNow(app))
    assert.equal((await validate(flow.server, now.accessToken)).status, 200)
  })

  it('are good at once for the owner of a new password', async () => {
    const one = await registerSomebody(flow.server)
    const change = { current_password: goodPassword, new_password: 'a quieter engine of silk' }
    const changed = await flow.server.call('POST', '/v1/users/me/password', { token: one.access_token, body: change })
    assert.equal((await validate(flow.server, changed.body.access_token)).status, 200)
  })
})
