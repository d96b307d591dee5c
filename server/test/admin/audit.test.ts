import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { createAdmin } from '../../src/flows/create-admin.ts'
import { describeQuickFlow, logIn, problem } from '../flows/flow-server.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'

describeQuickFlow('the audit log for administrators', (flow) => {
  let token: string
  let one: Awaited<ReturnType<typeof registerSomebody>>
  const search = async (query: string) => {
    const answer = await flow.server.call('GET', `/v1/admin/audit${query}`, { token })
    assert.equal(answer.status, 200, answer.text)
    return answer.body as { items: Record<string, unknown>[]; next_cursor: string | null }
  }
  const events = async (query: string) => (await search(query)).items.map(({ event }) => event)

  before(async () => {
    const { server } = flow
    await createAdmin(server.app, { email: 'root@example.com', name: null, password: goodPassword })
    token = (await logIn(server, 'root@example.com')).body.access_token
    one = await registerSomebody(server)
    for (let count = 0; count < 5; count++) await logIn(server, one.email, { device_name: `device ${count}` })
    await server.call('POST', '/v1/auth/logout', { token: one.access_token })
  })

  it('shows who did what to whom, from where and in which request, newest first', async () => {
    const { items } = await search(`?user=${one.user.id}`)
    assert.deepEqual(
      items.map(({ event }) => event),
      ['session_ended', ...Array.from({ length: 5 }, () => 'login'), 'user_registered'],
    )
    const { id, at, request_id, ...last } = items[0]!
    assert.match(String(id), /^[0-9a-f-]{36}\.\d+$/)
    assert.ok(Date.parse(String(at)) <= flow.server.clock.now())
    assert.match(String(request_id), /^[A-Za-z0-9_-]+$/)
    assert.deepEqual(last, {
      event: 'session_ended',
      actor: { kind: 'user', id: one.user.id },
      subject: { kind: 'session', id: one.session_id },
      user_id: one.user.id,
      reason: 'logout',
      ip: '127.0.0.1',
      details: {},
      personal: {},
      erased: false,
    })
    assert.deepEqual((items[1]!.personal as Record<string, string>).device_name, 'device 4')
  })

  it('filters by event, actor, subject and time', async () => {
    const { items } = await search(`?user=${one.user.id}`)
    const middle = String(items[3]!.at)
    assert.deepEqual(new Set(await events(`?event=login&actor=${one.user.id}`)), new Set(['login']))
    assert.deepEqual(await events(`?subject=${one.session_id}`), ['session_ended'])
    const since = await events(`?user=${one.user.id}&since=${middle}`)
    const until = await events(`?user=${one.user.id}&until=${middle}`)
    assert.equal(since.length + until.length, 7)
    assert.ok(until.includes('user_registered') && since.includes('session_ended'))
  })

  it('leads through all lines by a cursor, each once', async () => {
    const all = (await search('?limit=200')).items.map(({ id }) => id)
    const walked: unknown[] = []
    let cursor = ''
    do {
      const { items, next_cursor } = await search(`?limit=2${cursor}`)
      walked.push(...items.map(({ id }) => id))
      cursor = next_cursor === null ? '' : `&cursor=${next_cursor}`
    } while (cursor !== '')
    assert.deepEqual(walked, all)
    assert.equal(new Set(walked).size, walked.length)
  })

  it('forgets the person of a deleted user, and keeps what happened', async () => {
    const { server } = flow
    const gone = await registerSomebody(server)
    const answer = await server.call('DELETE', `/v1/admin/users/${gone.user.id}`, { token })
    assert.equal(answer.status, 204)
    const { items } = await search(`?user=${gone.user.id}`)
    const [deleted, registered] = items
    assert.deepEqual(
      [registered!.event, registered!.ip, registered!.personal, registered!.erased],
      ['user_registered', null, {}, true],
    )
    // The address of the administrator is that of another person.
    assert.deepEqual([deleted!.event, deleted!.ip, deleted!.erased], ['user_deleted', '127.0.0.1', false])
    assert.ok(!JSON.stringify(items).includes(gone.email))
  })

  it('is for administrators, and refuses what it does not know', async () => {
    const { server } = flow
    const call = async (query: string, by: string) =>
      problem(await server.call('GET', `/v1/admin/audit${query}`, { token: by }))
    assert.equal(await call('', one.access_token), '401 token_revoked')
    const other = await registerSomebody(server)
    assert.equal(await call('', other.access_token), '403 forbidden')
    for (const query of ['?event=log_in', '?user=x', '?since=yesterday', '?limit=201', '?cursor=eHg', '?q=x']) {
      assert.equal(await call(query, token), '422 validation_failed', query)
    }
  })
})
