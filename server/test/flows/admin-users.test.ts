import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { createOneTimeToken } from '../../src/domain/links/create.ts'
import { listGoodTokens } from '../../src/domain/links/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { changeUserFor } from '../../src/flows/change-user.ts'
import { newId } from '../../src/random.ts'
import { registerSomebody } from '../support/server.ts'
import { administrator, describeFlow, hour, logIn, problem, second } from './flow-server.ts'

describeFlow('the list of users', (flow) => {
  let token: string
  const get = (path: string) => flow.server.call('GET', `/v1/admin/users${path}`, { token })
  const emails = async (query: string): Promise<string[]> => {
    const { status, body, text } = await get(`?${query}`)
    assert.equal(status, 200, text)
    return body.items.map(({ email }: { email: string }) => email)
  }

  before(async () => {
    const { server } = flow
    token = (await administrator(server, 'root@example.com')).token
    server.clock.advance(second)
    for (const [email, name] of [
      ['ada@example.com', 'Ada Lovelace'],
      ['grace@example.com', 'Grace Hopper'],
      ['a%b@example.com', 'Percy_Cent'],
    ]) {
      await server.call('POST', '/v1/auth/register', {
        body: { email, name, password: 'engine of brass and steam' },
      })
      server.clock.advance(second)
    }
  })

  it('shows the newest first, page by page, and says when there is no more', async () => {
    const first = await get('?limit=3')
    assert.deepEqual(
      first.body.items.map(({ email }: { email: string }) => email),
      ['a%b@example.com', 'grace@example.com', 'ada@example.com'],
    )
    const second = await get(`?limit=3&cursor=${first.body.next_cursor}`)
    assert.deepEqual([second.body.items.length, second.body.items[0].email], [1, 'root@example.com'])
    assert.equal(second.body.next_cursor, null)
    assert.equal('total' in first.body, false)
  })

  it('orders, searches and filters as asked', async () => {
    assert.deepEqual(await emails('sort=email'), [
      'a%b@example.com',
      'ada@example.com',
      'grace@example.com',
      'root@example.com',
    ])
    assert.deepEqual(await emails('sort=created_at&limit=1'), ['root@example.com'])
    assert.deepEqual(await emails('q=love'), ['ada@example.com'])
    assert.deepEqual(await emails('q=a%25'), ['a%b@example.com'])
    assert.deepEqual(await emails('q=%25'), [])
    assert.deepEqual(await emails('role=admin'), ['root@example.com'])
    assert.deepEqual(await emails('status=disabled'), [])
    const { created_at } = (await get('?q=grace')).body.items[0]
    assert.deepEqual(await emails(`created_after=${created_at}`), ['a%b@example.com', 'grace@example.com'])
    assert.deepEqual(await emails(`created_before=${created_at}`), ['ada@example.com', 'root@example.com'])
    const east = new Date(Date.parse(created_at) + 2 * hour).toISOString().replace('Z', '%2B02:00')
    assert.deepEqual(await emails(`created_after=${east}&created_before=${east}`), [])
  })

  it('shows a user whole, and nothing secret', async () => {
    const { items } = (await get('?q=ada')).body
    const { body, text } = await get(`/${items[0].id}`)
    assert.deepEqual(body, items[0])
    assert.deepEqual([body.name, body.status, body.roles], ['Ada Lovelace', 'active', []])
    assert.doesNotMatch(text, /hash|password|\$argon2/)
    assert.equal(problem(await get(`/${newId(1)}`)), '404 not_found')
  })

  it('refuses a cursor that was forged or belongs to another order, and conditions it does not know', async () => {
    const { next_cursor } = (await get('?limit=1')).body
    const forge = (text: string) => Buffer.from(text).toString('base64url')
    for (const query of [
      `sort=email&cursor=${next_cursor}`,
      `sort=created_at&cursor=${next_cursor}`,
      `cursor=${next_cursor}x`,
      `cursor=${next_cursor}%3D`,
      `cursor=${forge("d' or 1=1--")}`,
      `cursor=${forge(`d${newId(1).toUpperCase()}`)}`,
      `sort=email&cursor=${forge('e')}`,
      `sort=email&cursor=${forge('eü@example.com')}`,
      'status=deleted',
      'role=Admin',
      'role=a%25',
      'sort=-email',
      'created_after=yesterday',
      'created_after=2026-11-23T10:00:00',
      'created_after=2026-02-30T10:00:00Z',
      'created_before=2027-02-29T10:00:00%2B01:00',
      'created_before=2026-11-23T24:00:00Z',
      'created_before=2026-13-23T10:00:00Z',
      'q=a&q=b',
      'q=%00',
      'page=2',
    ]) {
      const answer = await get(`?${query}`)
      assert.equal(problem(answer), '422 validation_failed', query)
      assert.ok(answer.body.errors[0].detail.length > 10, query)
    }
    for (const query of ['limit=1&limit=2', 'status=active&status=active', 'q=a&q=b']) {
      const [error, ...more] = (await get(`?${query}`)).body.errors
      assert.deepEqual([error.code, error.detail], ['repeated', 'It was sent more than once; send it once.'], query)
      assert.deepEqual(more, [])
    }
  })

  it("shows a user's sessions with the reason why each ended, and only to administrators", async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    server.clock.advance(second)
    await logIn(server, one.email, { device_name: 'Phone' })
    await server.call('POST', '/v1/auth/logout', { token: one.access_token, body: {} })
    const { body } = await get(`/${one.user.id}/sessions`)
    const seen = body.items.map((each: Record<string, unknown>) => [each.device_name, each.end_reason, each.current])
    assert.deepEqual(seen, [
      ['Phone', null, false],
      [null, 'logout', false],
    ])
    const page = (await get(`/${one.user.id}/sessions?limit=1`)).body
    assert.deepEqual((await get(`/${one.user.id}/sessions?limit=1&cursor=${page.next_cursor}`)).body.items.length, 1)
    assert.equal(problem(await get(`/${newId(1)}/sessions`)), '404 not_found')
    const other = await registerSomebody(server)
    const asUser = await server.call('GET', '/v1/admin/users', { token: other.access_token })
    assert.equal(problem(asUser), '403 forbidden')
  })
})

describeFlow('an address that an administrator changes', (flow) => {
  it('leaves no link alive that went to the former one; another change leaves them all', async () => {
    const { app, clock } = flow.server
    const { email, user } = await registerSomebody(flow.server)
    const { expiresAt } = await inTransaction(app.database, (tx) =>
      createOneTimeToken(tx, 'password_reset', { id: user.id, email }, clock.now()),
    )
    const alive = async () => (await listGoodTokens(app.database.db, user.id, clock.now())).length
    await changeUserFor(app, operatorAct, user.id, { name: 'Ada', email })
    assert.equal(await alive(), 1)
    await changeUserFor(app, operatorAct, user.id, { email: `moved-${email}` })
    assert.ok(clock.now() < expiresAt)
    assert.equal(await alive(), 0)
  })
})
