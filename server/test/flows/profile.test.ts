import assert from 'node:assert/strict'
import { it } from 'node:test'
import { registerSomebody } from '../support/server.ts'
import { describeQuickFlow, footprint, minute, problem, validate } from './flow-server.ts'

describeQuickFlow('profile', (flow) => {
  const me = (token: string) => flow.server.call('GET', '/v1/users/me', { token })
  const change = (token: string, body: unknown) => flow.server.call('PATCH', '/v1/users/me', { token, body })

  it('shows the user to itself', async () => {
    const one = await registerSomebody(flow.server)
    const { status, body } = await me(one.access_token)
    assert.deepEqual([status, body], [200, one.user])
  })

  it('changes the fields that are sent, and leaves the others alone', async () => {
    const one = await registerSomebody(flow.server)
    const other = await registerSomebody(flow.server)
    flow.server.clock.advance(minute)
    const first = await change(one.access_token, {
      name: 'Ada “A” 👩‍💻',
      locale: 'de-CH',
      metadata: { theme: { dark: [1, null] } },
    })
    assert.equal(first.status, 200)
    const { updated_at, ...rest } = first.body
    const { updated_at: before, ...user } = one.user as unknown as Record<string, string>
    assert.deepEqual(rest, { ...user, name: 'Ada “A” 👩‍💻', locale: 'de-CH', metadata: { theme: { dark: [1, null] } } })
    assert.ok(updated_at > before!)
    const second = await change(one.access_token, { name: null })
    assert.deepEqual({ ...second.body, updated_at }, { ...rest, name: null, updated_at })
    assert.deepEqual((await me(one.access_token)).body, second.body)
    assert.deepEqual((await me(other.access_token)).body, other.user)
  })

  it('replaces metadata as a whole', async () => {
    const { access_token } = await registerSomebody(flow.server)
    await change(access_token, { metadata: { a: 1, b: 2 } })
    assert.deepEqual((await change(access_token, { metadata: { c: 3 } })).body.metadata, { c: 3 })
    assert.deepEqual((await change(access_token, { metadata: {} })).body.metadata, {})
  })

  it('takes 16 KiB of metadata and no byte more', async () => {
    const { access_token } = await registerSomebody(flow.server)
    const of = (bytes: number) => ({ metadata: { x: 'ü'.repeat((bytes - 8) / 2) } })
    assert.equal((await change(access_token, of(16 * 1024))).status, 200)
    const before = await footprint(flow.server)
    const answer = await change(access_token, of(16 * 1024 + 2))
    assert.deepEqual([problem(answer), answer.body.errors[0].pointer], ['422 validation_failed', '/metadata'])
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('lets nobody change what is not his to change', async () => {
    const { access_token } = await registerSomebody(flow.server)
    const before = await footprint(flow.server)
    for (const body of [
      {},
      { roles: ['admin'] },
      { email: 'other@example.com' },
      { email_verified: true },
      { status: 'active' },
      { id: '01920000-1234-7abc-8def-0123456789ab' },
      { name: 'Ada', roles: [] },
      { name: 'line\nbreak' },
      { locale: '' },
      { metadata: [] },
      { metadata: null },
    ]) {
      assert.equal(problem(await change(access_token, body)), '422 validation_failed', JSON.stringify(body))
    }
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('keeps metadata as it was sent, or refuses it', async () => {
    const { access_token } = await registerSomebody(flow.server)
    const send = (metadata: string) =>
      flow.server.call('PATCH', '/v1/users/me', {
        token: access_token,
        headers: { 'content-type': 'application/json' },
        body: `{"metadata":${metadata}}`,
      })
    const kept =
      '{"a":[0,-1,0.1,1e21,1E2,1.50,9007199254740991,1.7976931348623157e308,5e-324],"b":"1e999 9007199254740993"}'
    const answer = await send(kept)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body.metadata, JSON.parse(kept))
    const before = await footprint(flow.server)
    for (const number of [
      '1e999',
      '-1e999',
      '1e-400',
      '12345678901234567890',
      '9007199254740993',
      '0.12345678901234567890',
      '1'.repeat(20_000),
      `1${'0'.repeat(30_000)}1`,
    ]) {
      const refused = await send(`{"a":[${number}]}`)
      assert.equal(problem(refused), '422 validation_failed', number.slice(0, 30))
      assert.match(refused.body.detail, /The number -?[\d.e-]{3,40} is beyond what JSON carries exactly/)
    }
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    assert.equal(problem(await send(nested(16))), '400 malformed_request')
    for (const half of ['{"\\ud800":1}', '{"a":{"x\\udc00":1}}', '{"a":["\\ud800"]}']) {
      assert.equal(problem(await send(half)), '400 malformed_request', half)
    }
    assert.deepEqual(await footprint(flow.server), before)
    assert.equal((await send(nested(15))).status, 200)
  })

  it('takes no name that shows nothing', async () => {
    const { access_token } = await registerSomebody(flow.server)
    for (const name of [' ', '   ', '\u00a0\u3000']) {
      assert.equal(problem(await change(access_token, { name })), '422 validation_failed')
    }
    assert.equal((await change(access_token, { name: ' Ada ' })).status, 200)
  })

  it('asks for a token', async () => {
    assert.equal(problem(await flow.server.call('GET', '/v1/users/me')), '401 unauthenticated')
    assert.equal(
      problem(await flow.server.call('PATCH', '/v1/users/me', { body: { name: 'x' } })),
      '401 unauthenticated',
    )
  })

  it('answers nobody who is gone or disabled, though his token is still good', async () => {
    const one = await registerSomebody(flow.server)
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', one.user.id).execute()
    assert.equal(problem(await me(one.access_token)), '401 token_revoked')
    const before = await footprint(flow.server)
    assert.equal(problem(await change(one.access_token, { name: 'x' })), '401 token_revoked')
    assert.deepEqual(await footprint(flow.server), before)
    await db.deleteFrom('users').where('id', '=', one.user.id).execute()
    assert.equal((await validate(flow.server, one.access_token)).status, 200)
    assert.equal(problem(await me(one.access_token)), '401 token_revoked')
    assert.equal(problem(await change(one.access_token, { name: 'x' })), '401 token_revoked')
  })
})
