import assert from 'node:assert/strict'
import { it } from 'node:test'
import { registerSomebody } from '../support/server.ts'
import {
  day,
  describeQuickFlow,
  footprint,
  journalOf,
  logIn,
  minute,
  problem,
  refresh,
  sessionOf,
  validate,
} from './flow-server.ts'

describeQuickFlow('my sessions', (flow) => {
  const person = () => registerSomebody(flow.server)
  const list = (token: string, query = '') => flow.server.call('GET', `/v1/users/me/sessions${query}`, { token })
  const end = (token: string, id: string) => flow.server.call('DELETE', `/v1/users/me/sessions/${id}`, { token })

  it('lists the devices of the user newest first, with what was told about them', async () => {
    const { server } = flow
    const one = await person()
    await person()
    const phone = (
      await server.call('POST', '/v1/auth/login', {
        body: { email: one.email, password: one.password, device_name: "Ada's phone" },
        headers: { 'user-agent': 'Phone/2.0' },
      })
    ).body
    const { status, body } = await list(one.access_token)
    assert.equal(status, 200)
    assert.equal(body.next_cursor, null)
    assert.deepEqual(
      body.items.map((item: { id: string; current: boolean }) => [item.id, item.current]),
      [
        [phone.session_id, false],
        [one.session_id, true],
      ],
    )
    const row = await sessionOf(server, phone.session_id)
    assert.deepEqual(body.items[0], {
      id: phone.session_id,
      device_name: "Ada's phone",
      user_agent: 'Phone/2.0',
      ip: '127.0.0.1',
      created_at: new Date(row.created_at).toISOString(),
      last_used_at: new Date(row.last_used_at).toISOString(),
      expires_at: new Date(row.idle_expires_at).toISOString(),
      current: false,
      ended_at: null,
      end_reason: null,
    })
  })

  it('shows when a session was last refreshed, and until when it lasts now', async () => {
    const one = await person()
    flow.server.clock.advance(10 * minute)
    const { access_token } = (await refresh(flow.server, one.refresh_token)).body
    const [item] = (await list(access_token)).body.items
    assert.ok(Date.parse(item.last_used_at) - Date.parse(item.created_at) >= 10 * minute)
    assert.equal(Date.parse(item.expires_at) - Date.parse(item.last_used_at), 30 * day)
  })

  it('goes through all of them page by page, each once', async () => {
    const one = await person()
    const ids = [one.session_id]
    for (let n = 0; n < 4; n++) ids.push((await logIn(flow.server, one.email)).body.session_id)
    for (const limit of [1, 2, 5, 200]) {
      const seen: string[] = []
      let cursor: string | null = null
      let pages = 0
      do {
        const query: string = `?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`
        const { body } = await list(one.access_token, query)
        seen.push(...body.items.map(({ id }: { id: string }) => id))
        cursor = body.next_cursor
        pages++
      } while (cursor !== null)
      assert.deepEqual(seen.toSorted(), ids.toSorted())
      assert.equal(seen.length, 5)
      assert.equal(pages, Math.ceil(5 / limit))
    }
  })

  it('refuses cursors and limits that are none', async () => {
    const { access_token, session_id } = await person()
    for (const query of [
      '?limit=0',
      '?limit=201',
      '?limit=x',
      '?cursor=',
      `?cursor=${session_id}`,
      '?cursor=%27',
      '?page=2',
    ]) {
      assert.equal(problem(await list(access_token, query)), '422 validation_failed', query)
    }
  })

  it('shows why a session ended, and of one that lapsed whether it was unused or too old', async () => {
    const { server } = flow
    const one = await person()
    const [gone, idle] = [(await logIn(server, one.email)).body, (await logIn(server, one.email)).body]
    await server.call('POST', '/v1/auth/logout', { body: { refresh_token: gone.refresh_token } })
    let { refresh_token } = one
    for (let n = 0; n < 3; n++) {
      server.clock.advance(29 * day)
      refresh_token = (await refresh(server, refresh_token)).body.refresh_token
    }
    server.clock.advance(3 * day)
    const now = (await logIn(server, one.email)).body
    const { items } = (await list(now.access_token)).body
    const told = new Map(items.map((item: { id: string }) => [item.id, item]))
    const at = async (id: string, column: 'ended_at' | 'idle_expires_at' | 'absolute_expires_at') =>
      new Date((await sessionOf(server, id))[column]!).toISOString()
    const fields = (id: string) => {
      const { end_reason, ended_at } = told.get(id) as { end_reason: string; ended_at: string }
      return [end_reason, ended_at]
    }
    assert.deepEqual(fields(gone.session_id), ['logout', await at(gone.session_id, 'ended_at')])
    assert.deepEqual(fields(idle.session_id), ['idle', await at(idle.session_id, 'idle_expires_at')])
    assert.deepEqual(fields(one.session_id), ['expired', await at(one.session_id, 'absolute_expires_at')])
    assert.deepEqual(fields(now.session_id), [null, null])
  })

  it('shows another device out, which hears why', async () => {
    const { server } = flow
    const one = await person()
    const other = (await logIn(server, one.email)).body
    const answer = await end(one.access_token, other.session_id)
    assert.deepEqual([answer.status, answer.text], [204, ''])
    assert.equal(problem(await validate(server, other.access_token)), '401 token_revoked')
    assert.equal(problem(await refresh(server, other.refresh_token)), '401 session_ended logout_others')
    assert.deepEqual(journalOf(server, other.session_id), ['session logout_others'])
    assert.equal((await validate(server, one.access_token)).status, 200)
  })

  it('ends its own session as a logout', async () => {
    const one = await person()
    assert.equal((await end(one.access_token, one.session_id)).status, 204)
    assert.equal(problem(await refresh(flow.server, one.refresh_token)), '401 session_ended logout')
    assert.equal(problem(await list(one.access_token)), '401 token_revoked')
  })

  it('ends a session once, and answers 204 again', async () => {
    const one = await person()
    const other = (await logIn(flow.server, one.email)).body
    await end(one.access_token, other.session_id)
    const before = await footprint(flow.server)
    assert.equal((await end(one.access_token, other.session_id)).status, 204)
    assert.deepEqual(await footprint(flow.server), before)
  })

  it("finds no session that is somebody else's or nobody's, and ends none", async () => {
    const [one, stranger] = [await person(), await person()]
    const before = await footprint(flow.server)
    const answers = [
      await end(one.access_token, stranger.session_id),
      await end(one.access_token, '01920000-1234-7abc-8def-0123456789ab'),
    ]
    assert.deepEqual(answers.map(problem), ['404 not_found', '404 not_found'])
    const [first, second] = answers.map(({ body: { request_id, ...body } }) => body)
    assert.deepEqual(first, second)
    assert.equal(problem(await end(one.access_token, 'x')), '422 validation_failed')
    assert.equal(
      problem(await flow.server.call('DELETE', `/v1/users/me/sessions/${one.session_id}`)),
      '401 unauthenticated',
    )
    assert.deepEqual(await footprint(flow.server), before)
    assert.equal((await list(one.access_token)).body.items.length, 1)
  })
})
