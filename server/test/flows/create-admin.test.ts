import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AppError } from '../../src/errors.ts'
import { createAdmin } from '../../src/flows/create-admin.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeFlow, footprint, logIn, problem } from './flow-server.ts'

describeFlow('create admin', (flow) => {
  const make = (email: string, password = goodPassword, name: string | null = null) =>
    createAdmin(flow.server.app, { email, name, password })
  const code = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => null,
      (thrown) => thrown,
    )
    assert.ok(error instanceof AppError, String(error))
    return error.code
  }

  it('makes a user with the role admin, who can log in and call what others may not', async () => {
    const { server } = flow
    const user = await make('root@example.com', goodPassword, 'Root')
    assert.deepEqual([user.roles, user.name, user.status], [['admin'], 'Root', 'active'])
    const { body } = await logIn(server, 'root@example.com')
    assert.deepEqual(body.user.roles, ['admin'])
    const keys = await server.call('GET', '/v1/admin/keys', { token: body.access_token })
    assert.equal(keys.status, 200)
    assert.ok(keys.body.items.some(({ state }: { state: string }) => state === 'active'))
    const plain = await registerSomebody(server)
    assert.equal(problem(await server.call('GET', '/v1/admin/keys', { token: plain.access_token })), '403 forbidden')
  })

  it('opens no session', async () => {
    const before = await footprint(flow.server)
    await make('quiet@example.com')
    const after = await footprint(flow.server)
    assert.equal(after.users.length, before.users.length + 1)
    assert.deepEqual(
      [after.sessions, after.revocations, after.journal],
      [before.sessions, before.revocations, before.journal],
    )
  })

  it('raises nobody who has an account already', async () => {
    const one = await registerSomebody(flow.server)
    const before = await footprint(flow.server)
    assert.equal(await code(make(one.email)), 'email_taken')
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('holds administrators to the password policy', async () => {
    const before = await footprint(flow.server)
    assert.equal(await code(make('new@example.com', 'short')), 'password_too_short')
    assert.equal(await code(make('new@example.com', 'password1')), 'password_too_common')
    assert.equal(await code(make('new@example.com', 'new@example.com')), 'password_too_similar')
    assert.equal(await code(make('new@example.com', 'the new root', 'The New Root')), 'password_too_similar')
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('makes one of two who are asked for at once', async () => {
    const results = await Promise.allSettled([make('twin@example.com'), make('twin@example.com')])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const { users } = await footprint(flow.server)
    assert.equal(users.filter(({ email }) => email === 'twin@example.com').length, 1)
  })
})
