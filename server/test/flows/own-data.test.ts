import assert from 'node:assert/strict'
import { it } from 'node:test'
import { newId } from '../../src/random.ts'
import { sessionRow } from '../support/rows.ts'
import { registerSomebody } from '../support/server.ts'
import { administrator, describeFlow, eventually, logIn, problem } from './flow-server.ts'

describeFlow('own data', (flow) => {
  const download = (token: string, query = '') => flow.server.call('GET', `/v1/users/me/export${query}`, { token })

  it('holds the profile, every session and what the audit log says, and nothing of anybody else', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const other = (await logIn(server, one.email, { device_name: 'a phone' })).body
    await registerSomebody(server, 'somebody-else@example.com')
    const admin = await administrator(server)
    const changed = await server.call('PATCH', `/v1/admin/users/${one.user.id}`, {
      token: admin.token,
      body: { name: 'Ada' },
    })
    assert.equal(changed.status, 200)
    const { status, body, text, headers } = await download(one.access_token)
    assert.equal(status, 200)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(body.user.name, 'Ada')
    assert.deepEqual(
      body.sessions.map(({ id, current }: { id: string; current: boolean }) => [id, current]),
      [
        [other.session_id, false],
        [one.session_id, true],
      ],
    )
    assert.deepEqual(
      body.audit.map(({ event, actor }: { event: string; actor: { id: string } }) => [event, actor.id]),
      [
        ['user_updated', null],
        ['login', one.user.id],
        ['user_registered', one.user.id],
      ],
    )
    assert.equal(body.audit.at(-1).personal.email, one.email)
    assert.equal(body.audit[0].ip, null)
    assert.notEqual(body.audit[1].ip, null)
    for (const hidden of [admin.id, 'somebody-else', '$argon2', 'nttr_']) assert.ok(!text.includes(hidden), hidden)
  })

  it('holds the mail to the address, what waits to be confirmed and how often somebody guessed wrong', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const body = { new_email: 'ada.anew@example.com', password: one.password }
    await server.call('POST', '/v1/users/me/email', { token: one.access_token, body })
    await server.call('POST', '/v1/auth/forgot-password', { body: { email: one.email } })
    await eventually(() => server.app.afterwards.waiting === 0)
    const name = server.app.throttle.name('account', one.email)
    const row = { name, failures: 3, last_at: server.clock.now(), forgotten_at: null }
    await server.app.database.db.insertInto('guesses').values(row).execute()
    const { body: data, text } = await download(one.access_token)
    assert.deepEqual(data.mail.map(({ mail, state }: { mail: string; state: string }) => `${mail} ${state}`).sort(), [
      'email-change-started waiting',
      'reset-password waiting',
    ])
    assert.deepEqual(
      data.links.map(({ purpose, email }: { purpose: string; email: string }) => `${purpose} ${email}`).sort(),
      [`email_change ${body.new_email}`, `password_reset ${one.email}`],
    )
    assert.equal(data.wrong_passwords.failures, 3)
    assert.doesNotMatch(text, /ntto_|token=/)
    const other = await registerSomebody(server)
    const { mail, links, wrong_passwords } = (await download(other.access_token)).body
    assert.deepEqual([mail, links, wrong_passwords], [[], [], null])
  })

  it('says of a change of address that was begun the same whether or not somebody else has the address', async () => {
    const { server } = flow
    const taken = await registerSomebody(server)
    const seen: unknown[] = []
    for (const new_email of [taken.email, 'free-address@example.com']) {
      const one = await registerSomebody(server)
      const body = { new_email, password: one.password }
      assert.equal((await server.call('POST', '/v1/users/me/email', { token: one.access_token, body })).status, 202)
      await eventually(() => server.app.afterwards.waiting === 0)
      const { links, mail } = (await download(one.access_token)).body
      const about = links.map(({ purpose, email }: Record<string, string>) => [purpose, email === new_email])
      seen.push([about, mail.map((each: { mail: string }) => each.mail)])
    }
    assert.deepEqual(seen[0], [[['email_change', true]], ['email-change-started']])
    assert.deepEqual(seen[0], seen[1])
  })

  it('leaves out what was there for the address before the account was', async () => {
    const { server } = flow
    const former = await registerSomebody(server)
    await server.call('POST', '/v1/auth/forgot-password', { body: { email: former.email } })
    await eventually(() => server.app.afterwards.waiting === 0)
    const { db } = server.app.database
    const row = { name: server.app.throttle.name('account', former.email), failures: 3, forgotten_at: null }
    await db
      .insertInto('guesses')
      .values({ ...row, last_at: server.clock.now() })
      .execute()
    const { mail, wrong_passwords } = (await download(former.access_token)).body
    assert.deepEqual([mail.length, wrong_passwords.failures], [1, 3])
    await db.updateTable('users').set({ email: 'moved-away@example.com' }).where('id', '=', former.user.id).execute()
    server.clock.advance(1000)
    const next = await registerSomebody(server, former.email)
    const after = (await download(next.access_token)).body
    assert.deepEqual([after.mail, after.wrong_passwords], [[], null])
  })

  it('holds every session, however many there are', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const rows = Array.from({ length: 230 }, (_, place) =>
      sessionRow({
        id: newId(server.clock.now() - 1000 - place),
        user_id: one.user.id,
        device_name: `device ${place}`,
      }),
    )
    await server.app.database.db.insertInto('sessions').values(rows).execute()
    const { sessions } = (await download(one.access_token)).body
    assert.equal(new Set(sessions.map(({ id }: { id: string }) => id)).size, 231)
  })

  it('comes in pages that together are the whole log', async () => {
    const one = await registerSomebody(flow.server)
    for (let time = 0; time < 4; time++) await logIn(flow.server, one.email)
    const events: string[] = []
    for (let query = '?limit=2'; ; ) {
      const { body } = await download(one.access_token, query)
      assert.ok(body.audit.length <= 2)
      events.push(...body.audit.map(({ event }: { event: string }) => event))
      if (body.next_cursor === null) break
      query = `?limit=2&cursor=${body.next_cursor}`
    }
    assert.deepEqual(events, ['login', 'login', 'login', 'login', 'user_registered'])
    assert.equal(problem(await download(one.access_token, '?cursor=bm9uc2Vuc2U')), '422 validation_failed')
  })

  it('is given to nobody whose account is gone', async () => {
    const one = await registerSomebody(flow.server)
    const { password } = one
    await flow.server.call('DELETE', '/v1/users/me', { token: one.access_token, body: { password } })
    assert.equal(problem(await download(one.access_token)), '401 token_revoked')
  })
})
