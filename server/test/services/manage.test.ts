import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { administrator, describeQuickFlow, eventually, hour, minute, second } from '../flows/flow-server.ts'
import { readEvents } from '../revocations/event-reader.ts'
import { basic } from '../revocations/service.ts'
import { type Answer, registerSomebody, type TestServer } from '../support/server.ts'

describeQuickFlow('services', (flow) => {
  let here: TestServer
  let there: TestServer
  let token: string
  before(async () => {
    here = flow.server
    there = await flow.start()
    token = (await administrator(here)).token
  })
  after(() => there?.close())

  const call = (method: string, path: string, body?: unknown) =>
    here.call(method, `/v1/admin/services${path}`, { token, ...(body !== undefined && { body }) })
  const create = async (body: object = {}) => {
    const answer = await call('POST', '', { name: 'billing', scopes: ['introspect', 'revocations:read'], ...body })
    assert.equal(answer.status, 201, answer.text)
    return answer.body as { id: string; client_id: string; client_secret: string; secrets: { id: string }[] }
  }
  const uses = (server: TestServer, clientId: string, secret: string): Promise<Answer> =>
    server.call('POST', '/oauth2/introspect', {
      body: 'token=any',
      headers: { ...basic(clientId, secret), 'content-type': 'application/x-www-form-urlencoded' },
    })
  const letIn = async (server: TestServer, clientId: string, secret: string) =>
    (await uses(server, clientId, secret)).status === 200
  const auditOf = async (id: string) => {
    const { db } = here.app.database
    const rows = await db.selectFrom('audit_lines').selectAll().execute()
    return rows.filter((row) => JSON.stringify(row).includes(id)).map((row) => JSON.stringify(row))
  }

  it('are admitted with a secret that is shown once and works on every node', async () => {
    const made = await create()
    assert.match(made.client_secret, /^ntts_[A-Za-z0-9_-]{43}$/)
    for (const server of [here, there]) assert.ok(await letIn(server, made.client_id, made.client_secret))
    const read = await call('GET', `/${made.id}`)
    const { client_secret: _, ...shown } = made
    assert.deepEqual({ ...read.body, secrets: [] }, { ...shown, secrets: [] })
    const listed = await call('GET', '')
    assert.ok(listed.body.items.some(({ id }: { id: string }) => id === made.id))
    for (const { text } of [read, listed]) assert.ok(!text.includes(made.client_secret))
    assert.ok(!JSON.stringify(here.log).includes(made.client_secret))
  })

  it('are admitted for something, and can be left with nothing later', async () => {
    const refused = await call('POST', '', { name: 'billing', scopes: [] })
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, '/scopes'])
    const made = await create()
    const changed = await call('PATCH', `/${made.id}`, { scopes: [] })
    assert.deepEqual([changed.status, changed.body.scopes], [200, []])
  })

  it('change over to a new secret without a pause, and the old one dies after the overlap', async () => {
    const made = await create()
    const rotated = await call('POST', `/${made.id}/secrets`, { overlap: 60 })
    assert.equal(rotated.status, 201)
    const { client_secret: next, secrets } = rotated.body
    assert.equal(secrets.length, 2)
    for (const server of [here, there]) {
      assert.ok(await letIn(server, made.client_id, made.client_secret))
      assert.ok(await letIn(server, made.client_id, next))
    }
    here.clock.advance(minute + second)
    for (const server of [here, there]) {
      assert.equal(await letIn(server, made.client_id, made.client_secret), false)
      assert.ok(await letIn(server, made.client_id, next))
    }
    assert.equal((await call('GET', `/${made.id}`)).body.secrets.length, 1)
  })

  it('lose a secret that was to expire before the overlap ends when it was to expire', async () => {
    const made = await create({ expires_in: 60 })
    const { expires_at } = (await call('GET', `/${made.id}`)).body.secrets[0]
    const rotated = await call('POST', `/${made.id}/secrets`, { overlap: 3600 })
    assert.equal(rotated.body.secrets[0].expires_at, expires_at)
    here.clock.advance(minute + second)
    assert.equal(await letIn(here, made.client_id, made.client_secret), false)
    assert.ok(await letIn(here, made.client_id, rotated.body.client_secret))
  })

  it('have two secrets at most, also when two rotate at once', async () => {
    const made = await create()
    const answers = await Promise.all([1, 2, 3].map(() => call('POST', `/${made.id}/secrets`, {})))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409])
    assert.equal(answers.find(({ status }) => status === 409)!.body.code, 'secrets_full')
    // Without an overlap the ones before go at once.
    const last = await call('POST', `/${made.id}/secrets`, { overlap: 0 })
    assert.equal(last.body.secrets.length, 1)
    assert.equal(await letIn(here, made.client_id, made.client_secret), false)
    assert.ok(await letIn(here, made.client_id, last.body.client_secret))
  })

  it('lose a secret, their scopes and their place at once here, and on the other node with its streams soon', async () => {
    const made = await create()
    const { body: rotated } = await call('POST', `/${made.id}/secrets`, { overlap: 3600 })
    assert.ok(await letIn(there, made.client_id, made.client_secret))
    assert.equal((await call('DELETE', `/${made.id}/secrets/${made.secrets[0]!.id}`)).status, 204)
    assert.equal(await letIn(here, made.client_id, made.client_secret), false)
    await eventually(async () => !(await letIn(there, made.client_id, made.client_secret)))
    assert.ok(await letIn(there, made.client_id, rotated.client_secret))

    const credential = basic(made.client_id, rotated.client_secret)
    const stream = await readEvents(`${there.address}/v1/revocations/stream`, credential)
    assert.equal((await here.call('GET', '/v1/revocations', { headers: credential })).status, 200)
    assert.equal((await call('PATCH', `/${made.id}`, { scopes: ['introspect'], name: 'books' })).body.name, 'books')
    assert.equal((await here.call('GET', '/v1/revocations', { headers: credential })).body.code, 'forbidden')
    await stream.ended
    assert.ok(await letIn(there, made.client_id, rotated.client_secret))

    assert.equal((await call('DELETE', `/${made.id}`)).status, 204)
    assert.equal(await letIn(here, made.client_id, rotated.client_secret), false)
    await eventually(async () => !(await letIn(there, made.client_id, rotated.client_secret)))
    for (const path of ['', '/secrets']) {
      assert.equal((await call(path ? 'POST' : 'GET', `/${made.id}${path}`, path ? {} : undefined)).status, 404)
    }
  })

  it('have secrets that expire when they were told to', async () => {
    const made = await create({ expires_in: 3600 })
    assert.ok(await letIn(here, made.client_id, made.client_secret))
    here.clock.advance(hour + second)
    for (const server of [here, there]) assert.equal(await letIn(server, made.client_id, made.client_secret), false)
    token = (await administrator(here)).token
  })

  it('have secrets that are not remembered beyond their end', async () => {
    const made = await create({ expires_in: 60 })
    const end = Date.parse((await call('GET', `/${made.id}`)).body.secrets[0].expires_at)
    let now = end - 200
    const clock = { now: () => now, offset: () => 0, advance: () => undefined }
    const node = await flow.start({ clock, databaseClock: here.clock })
    try {
      assert.ok(await letIn(node, made.client_id, made.client_secret))
      now = end
      assert.equal(await letIn(node, made.client_id, made.client_secret), false)
    } finally {
      await node.close()
    }
  })

  it('show when each secret was last used, to the minute, and write that once a minute', async () => {
    const made = await create()
    const lastUse = async () => (await call('GET', `/${made.id}`)).body.secrets[0].last_used_at as string | null
    assert.equal(await lastUse(), null)
    await uses(here, made.client_id, made.client_secret)
    await eventually(async () => (await lastUse()) !== null)
    const first = await lastUse()
    here.clock.advance(30 * second)
    await uses(here, made.client_id, made.client_secret)
    await uses(there, made.client_id, made.client_secret)
    assert.equal(await lastUse(), first)
    here.clock.advance(31 * second)
    await uses(here, made.client_id, made.client_secret)
    await eventually(async () => (await lastUse()) !== first)
  })

  it('leave a line in the audit log for everything that is done to them', async () => {
    const made = await create()
    const { body } = await call('POST', `/${made.id}/secrets`, {})
    await call('PATCH', `/${made.id}`, { name: 'books' })
    await call('DELETE', `/${made.id}/secrets/${made.secrets[0]!.id}`)
    await call('DELETE', `/${made.id}`)
    const lines = await auditOf(made.id)
    for (const event of [
      'service_created',
      'service_secret_created',
      'service_updated',
      'service_secret_deleted',
      'service_deleted',
    ]) {
      assert.equal(lines.filter((line) => line.includes(event)).length, 1, event)
    }
    assert.ok(!lines.join().includes(body.client_secret))
  })

  it('leave no line where nothing is changed, and one for each secret that a rotation cuts short', async () => {
    const made = await create()
    const events = async () => {
      const { db } = here.app.database
      const rows = db.selectFrom('audit_lines').selectAll().where('subject_id', '=', made.id).orderBy('at')
      return (await rows.orderBy('seq').execute()).map(({ event, reason, details }) => ({ event, reason, details }))
    }
    const before = await call('GET', `/${made.id}`)
    for (const body of [{ name: 'billing' }, { scopes: ['revocations:read', 'introspect'] }]) {
      here.clock.advance(second)
      assert.deepEqual((await call('PATCH', `/${made.id}`, body)).body, before.body)
    }
    assert.equal((await events()).length, 1)
    here.clock.advance(second)
    await call('PATCH', `/${made.id}`, { name: 'billing', scopes: ['introspect'] })
    assert.deepEqual((await events()).slice(1), [
      { event: 'service_updated', reason: null, details: '{"fields":"scopes"}' },
    ])
    here.clock.advance(second)
    const [first] = made.secrets
    const next = (await call('POST', `/${made.id}/secrets`, { overlap: 60 })).body
    const dies = next.secrets[0].expires_at
    assert.deepEqual((await events()).slice(2), [
      { event: 'service_secret_created', reason: null, details: JSON.stringify({ secret: next.secrets[1].id }) },
      {
        event: 'service_secret_replaced',
        reason: null,
        details: JSON.stringify({ secret: first!.id, expires_at: dies }),
      },
    ])
    here.clock.advance(second)
    const last = (await call('POST', `/${made.id}/secrets`, { overlap: 0 })).body
    assert.deepEqual((await events()).slice(4), [
      { event: 'service_secret_created', reason: null, details: JSON.stringify({ secret: last.secrets[0].id }) },
      ...[first!.id, next.secrets[1].id].map((secret) => ({
        event: 'service_secret_deleted',
        reason: 'replaced',
        details: JSON.stringify({ secret }),
      })),
    ])
    const answers = await Promise.all([1, 2, 3].map(() => call('DELETE', `/${made.id}`)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 404, 404])
    assert.equal((await events()).filter(({ event }) => event === 'service_deleted').length, 1)
  })

  it('are nobody else’s business: no user, and no administrator whose login is old', async () => {
    const person = await registerSomebody(here)
    const made = await create()
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['POST', '', { name: 'x', scopes: [] }],
      ['DELETE', `/${made.id}`, undefined],
    ] as const) {
      const answer = await here.call(method, `/v1/admin/services${path}`, {
        token: person.access_token,
        ...(body && { body }),
      })
      assert.equal(answer.body.code, 'forbidden')
    }
    assert.equal((await call('DELETE', `/${made.id}/secrets/${(await create()).secrets[0]!.id}`)).status, 404)
  })
})
