import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { describeQuickFlow, logIn } from '../flows/flow-server.ts'
import { serviceOf } from '../revocations/service.ts'
import { registerSomebody } from '../support/server.ts'

const shown = [
  'id',
  'email',
  'email_verified',
  'name',
  'locale',
  'roles',
  'status',
  'metadata',
  'created_at',
  'updated_at',
  'last_login_at',
]

describeQuickFlow('a service with the scope users:read', (flow) => {
  let headers: { authorization: string }
  before(async () => {
    headers = await serviceOf(flow.server, ['users:read'])
  })
  const ask = (method: string, path: string, body?: unknown) =>
    flow.server.call(method, path, { headers, ...(body !== undefined && { body }) })

  it('reads one user, and nothing of it but what the user sees itself', async () => {
    const person = await registerSomebody(flow.server)
    await logIn(flow.server, person.email)
    const { status, body } = await ask('GET', `/v1/admin/users/${person.user.id}`)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body).sort(), [...shown].sort())
    const own = await flow.server.call('GET', '/v1/users/me', { token: person.access_token })
    assert.deepEqual(body, own.body)
    assert.equal((await ask('GET', '/v1/admin/users/01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d')).body.code, 'not_found')
  })

  it('lists and searches users, page after page', async () => {
    for (const number of [1, 2, 3]) await registerSomebody(flow.server, `looked-for-${number}@example.com`)
    const first = await ask('GET', '/v1/admin/users?q=looked-for&sort=email&limit=2')
    const second = await ask('GET', `/v1/admin/users?q=looked-for&sort=email&limit=2&cursor=${first.body.next_cursor}`)
    const found = [...first.body.items, ...second.body.items]
    assert.deepEqual(
      found.map(({ email }) => email),
      [1, 2, 3].map((number) => `looked-for-${number}@example.com`),
    )
    for (const user of found) assert.deepEqual(Object.keys(user).sort(), [...shown].sort())
  })

  it('changes nobody, and sees neither sessions nor anything else of the house', async () => {
    const { user } = await registerSomebody(flow.server)
    for (const [method, path, body] of [
      ['PATCH', `/v1/admin/users/${user.id}`, { name: 'Mallory' }],
      ['DELETE', `/v1/admin/users/${user.id}`, undefined],
      ['POST', `/v1/admin/users/${user.id}/disable`, undefined],
      ['GET', `/v1/admin/users/${user.id}/sessions`, undefined],
      ['GET', '/v1/admin/audit', undefined],
      ['GET', '/v1/admin/services', undefined],
    ] as const) {
      const answer = await ask(method, path, body)
      assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_token'], `${method} ${path}`)
    }
    assert.equal((await ask('GET', `/v1/admin/users/${user.id}`)).body.name, null)
  })
})
