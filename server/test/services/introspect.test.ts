import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { onEachDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

onEachDatabase((_name, url) => {
  let server: TestServer
  let credentials: string

  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const introspect = (form: Record<string, string>, authorization = basic(credentials)) =>
    server.call('POST', '/oauth2/introspect', {
      body: new URLSearchParams(form).toString(),
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    })

  before(async () => {
    server = await startTestServer(url(), { quickHashes: true })
    const { service, secret } = await registerService(server.app, operatorAct, 'billing', ['introspect'])
    credentials = `${service.clientId}:${secret}`
  })
  after(() => server.close())

  it('tells a service the claims of a good access token', async () => {
    const person = await registerSomebody(server)
    const { status, body } = await introspect({ token: person.access_token, token_type_hint: 'refresh_token' })
    assert.equal(status, 200)
    assert.equal(body.active, true)
    assert.equal(body.token_type, 'Bearer')
    assert.equal(body.sub, person.user.id)
    assert.equal(body.sid, person.session_id)
  })

  it('tells whether a refresh token can still be used', async () => {
    const person = await registerSomebody(server)
    assert.equal((await introspect({ token: person.refresh_token })).body.token_type, 'refresh_token')
    await server.call('POST', '/v1/auth/refresh', { body: { refresh_token: person.refresh_token } })
    assert.deepEqual((await introspect({ token: person.refresh_token })).body, { active: false })
  })

  it('calls a refresh token good that is ahead of its session, as after a restore', async () => {
    const person = await registerSomebody(server)
    const { body } = await server.call('POST', '/v1/auth/refresh', { body: { refresh_token: person.refresh_token } })
    const { db } = server.app.database
    await db.updateTable('sessions').set({ generation: 0 }).where('id', '=', person.session_id).execute()
    assert.equal((await introspect({ token: body.refresh_token })).body.sid, person.session_id)
  })

  it('says the same few bytes of every token that is no good', async () => {
    const person = await registerSomebody(server)
    await server.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })
    const refused = [person.access_token, person.refresh_token, 'nonsense', `${person.access_token}=`]
    for (const token of refused) {
      const { status, text } = await introspect({ token })
      assert.deepEqual([status, text], [200, '{"active":false}'])
    }
  })

  it('refuses whoever is no service, and says how to come in', async () => {
    const person = await registerSomebody(server)
    const wrong = [
      basic(`${credentials}x`),
      basic('svc_nobody:secret'),
      basic('nothing'),
      `Bearer ${person.access_token}`,
    ]
    for (const authorization of wrong) {
      const answer = await introspect({ token: person.access_token }, authorization)
      assert.equal(answer.status, 401)
      assert.equal(answer.body.code, 'invalid_client')
      assert.match(answer.headers.get('www-authenticate')!, /^Basic realm="ntt-auth"/)
    }
  })

  it('refuses a service without the scope', async () => {
    const { service, secret } = await registerService(server.app, operatorAct, 'printer', [])
    const answer = await introspect({ token: 'any' }, basic(`${service.clientId}:${secret}`))
    assert.equal(answer.body.code, 'forbidden')
  })

  it('forgets a secret two seconds after it expired', async () => {
    const { service, secret } = await registerService(server.app, operatorAct, 'temporary', ['introspect'])
    const authorization = basic(`${service.clientId}:${secret}`)
    assert.equal((await introspect({ token: 'any' }, authorization)).status, 200)
    const { db } = server.app.database
    await db
      .updateTable('service_secrets')
      .set({ expires_at: server.clock.now() })
      .where('service_id', '=', service.id)
      .execute()
    server.clock.advance(2001)
    assert.equal((await introspect({ token: 'any' }, authorization)).status, 401)
  })

  it('keeps no secret that could be read from the database', async () => {
    const rows = await server.app.database.db.selectFrom('service_secrets').selectAll().execute()
    assert.ok(rows.length > 0)
    assert.ok(!JSON.stringify(rows).includes('ntts_'))
  })

  it('reads a form and nothing else, and every parameter once', async () => {
    const json = await server.call('POST', '/oauth2/introspect', {
      body: { token: 'any' },
      headers: { authorization: basic(credentials) },
    })
    assert.equal(json.body.code, 'unsupported_media_type')
    const twice = await server.call('POST', '/oauth2/introspect', {
      body: 'token=a&token=b',
      headers: { authorization: basic(credentials), 'content-type': 'application/x-www-form-urlencoded' },
    })
    assert.equal(twice.body.code, 'malformed_request')
    const lacking = await introspect({})
    assert.deepEqual(
      [lacking.status, lacking.body.code, lacking.body.error],
      [400, 'malformed_request', 'invalid_request'],
    )
  })
})
