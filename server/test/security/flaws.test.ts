import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { send } from '../http/wire.ts'
import { onEachDatabase } from '../support/databases.ts'
import { goodPassword, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/**
 * Published flaws of comparable products. `flaws.json` says of each by which test it would be found here, or why it
 * cannot be ours; those that no other suite would find are here, each by its id.
 */

type Flaw = { id: string; tests?: { file: string; title: string }[]; notApplicable?: string }
const flaws: Flaw[] = JSON.parse(readFileSync(new URL('./flaws.json', import.meta.url), 'utf8'))

describe('the table of flaws', () => {
  it('names a test for each, or a reason why it cannot be ours', () => {
    assert.ok(flaws.length > 100)
    for (const { id, tests = [], notApplicable } of flaws) assert.ok(tests.length > 0 !== Boolean(notApplicable), id)
  })
})

const newPassword = 'a quite different engine'

onEachDatabase((_name, url) => {
  describe('flaws of others', () => {
    let server: TestServer
    let admin: string
    before(async () => {
      server = await startTestServer(url())
      const { email, password } = await registerSomebody(server)
      const { db } = server.app.database
      await db.updateTable('users').set({ roles: '["admin"]' }).where('email', '=', email).execute()
      admin = (await login(email, password)).body.access_token
    })
    after(() => server.close())

    const login = (email: string, password = goodPassword) =>
      server.call('POST', '/v1/auth/login', { body: { email, password } })
    const reset = (body: object) => server.call('POST', '/v1/auth/reset-password', { body })
    const validate = (token: string) => server.call('GET', '/v1/auth/validate', { token })
    const refresh = (refreshToken: string, key?: string) =>
      server.call('POST', '/v1/auth/refresh', {
        body: { refresh_token: refreshToken },
        headers: key ? { 'refresh-key': key } : {},
      })

    it('CVE-2026-18963: a reset needs the token that was mailed', async () => {
      const { user, email } = await registerSomebody(server)
      await server.call('POST', `/v1/admin/users/${user.id}/reset-password`, { token: admin })
      for (const token of [user.id, email, 'A'.repeat(43), '']) {
        const { status } = await reset({ token, new_password: newPassword })
        assert.ok(status === 400 || status === 422, `${token}: ${status}`)
      }
      assert.equal((await reset({ new_password: newPassword })).status, 422)
      assert.equal((await reset({ token: null, new_password: newPassword })).status, 422)
      assert.equal((await login(email)).status, 200)
      assert.equal((await login(email, newPassword)).status, 401)
    })

    it('CVE-2026-1035, CVE-2026-53517: parallel refreshes leave one chain, or none', async () => {
      const { refresh_token: token, session_id: id } = await registerSomebody(server)
      const keys = Array.from({ length: 16 }, (_, index) => `key-of-somebody-${index}-`.padEnd(24, 'x'))
      const answers = await Promise.all(keys.map((key) => refresh(token, key)))
      const successors = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.refresh_token] : [])))
      assert.ok(successors.size <= 1, `${successors.size} successors of one token`)
      const { db } = server.app.database
      const row = await db.selectFrom('sessions').select(['generation', 'ended_at']).where('id', '=', id).execute()
      assert.equal(row.length, 1)
      assert.notEqual(row[0]!.ended_at, null)
      for (const successor of successors)
        assert.equal((await refresh(successor, 'another-key-of-somebody')).status, 401)
    })

    it('CVE-2026-9802: what was revoked stays so through a restart', async () => {
      const { refresh_token: token, access_token: access } = await registerSomebody(server)
      await server.call('POST', '/v1/auth/logout', { body: { refresh_token: token } })
      const again = await startTestServer(url(), { clock: server.clock })
      try {
        const answer = await again.call('POST', '/v1/auth/refresh', { body: { refresh_token: token } })
        assert.equal(answer.body.code, 'session_ended')
        assert.equal((await again.call('GET', '/v1/auth/validate', { token: access })).body.code, 'token_revoked')
      } finally {
        await again.close()
      }
    })

    it('CVE-2026-7507, CVE-2025-12390: a login never takes over a session that was there before', async () => {
      const { email, session_id: first, access_token: token } = await registerSomebody(server)
      const headers = { cookie: `session=${first}; __Host-refresh=${first}`, 'x-session-id': first }
      const body = { email, password: goodPassword }
      const second = await server.call('POST', '/v1/auth/login', { body, headers, token })
      assert.notEqual(second.body.session_id, first)
      await server.call('POST', '/v1/auth/logout', { token: second.body.access_token, body: {} })
      const third = await server.call('POST', '/v1/auth/login', { body, headers })
      assert.ok(![first, second.body.session_id].includes(third.body.session_id))
      assert.equal((await validate(second.body.access_token)).body.code, 'token_revoked')
    })

    it('GO-2026-4801, CVE-2026-33505: a cursor that was made up reaches no statement', async () => {
      const forged = ["' OR 1=1--", '1; drop table users', JSON.stringify({ id: "x' or '1'='1" })]
      for (const cursor of forged.flatMap((text) => [text, Buffer.from(text).toString('base64url')])) {
        for (const path of ['/v1/admin/users', '/v1/users/me/sessions', '/v1/admin/audit', '/v1/admin/services']) {
          const answer = await server.call('GET', `${path}?cursor=${encodeURIComponent(cursor)}`, { token: admin })
          assert.ok(answer.status === 422 || answer.status === 400, `${path} ${cursor}: ${answer.status}`)
        }
      }
    })

    it('CVE-2025-61928: no field of a request stands for the caller', async () => {
      const { user } = await registerSomebody(server)
      const owner = { user_id: user.id, userId: user.id, sub: user.id, id: user.id }
      for (const name of Object.keys(owner)) {
        const body = { [name]: user.id, current_password: goodPassword, new_password: newPassword }
        assert.equal((await server.call('POST', '/v1/users/me/password', { body })).status, 401)
        assert.equal(
          (await server.call('PATCH', '/v1/users/me', { body: { [name]: user.id, name: 'Eve' } })).status,
          401,
        )
      }
      assert.equal((await server.call('POST', '/v1/admin/services', { body: { ...owner, name: 'x' } })).status, 401)
      const headers = { 'x-user-id': user.id, 'x-forwarded-user': user.id, 'remote-user': user.id }
      assert.equal((await server.call('GET', '/v1/users/me', { headers })).status, 401)
    })

    it('CVE-2026-67336: the metadata offer nothing weak', async () => {
      const { text, body } = await server.call('GET', '/.well-known/oauth-authorization-server')
      assert.doesNotMatch(text, /"none"|"plain"|"HS\d|"implicit"|"password"/)
      assert.ok(String(body.issuer).startsWith('https://'))
    })

    it('CVE-2026-123797: a service whose look-up fails is not let in', async () => {
      const made = await registerService(server.app, operatorAct, 'looked up', ['introspect'])
      const odd = [
        '',
        ':',
        'x',
        `${made.service.clientId}`,
        `${made.service.clientId}:`,
        '%zz:%zz',
        '\0:\0',
        `:${made.secret}`,
      ]
      for (const credentials of [...odd, `${'x'.repeat(3000)}:y`, `__proto__:${made.secret}`]) {
        const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
        const form = { 'content-type': 'application/x-www-form-urlencoded' }
        const answer = await server.call('POST', '/oauth2/introspect', {
          body: 'token=x',
          headers: { ...form, authorization },
        })
        assert.equal(answer.status, 401, JSON.stringify(credentials))
      }
    })

    it('CVE-2026-123800, CVE-2026-63203: a service changes no service and reads no account', async () => {
      const made = await registerService(server.app, operatorAct, 'narrow', ['introspect'])
      const authorization = `Basic ${Buffer.from(`${made.service.clientId}:${made.secret}`).toString('base64')}`
      const calls: [string, string, object | undefined][] = [
        ['PATCH', `/v1/admin/services/${made.service.id}`, { name: 'wide' }],
        ['POST', `/v1/admin/services/${made.service.id}/secrets`, {}],
        ['POST', '/v1/admin/services', { name: 'wide', scopes: [] }],
        ['GET', '/v1/admin/users', undefined],
        ['GET', '/v1/users/me', undefined],
        ['GET', '/v1/revocations', undefined],
      ]
      for (const [method, path, body] of calls) {
        const { status } = await server.call(method, path, { body, headers: { authorization } })
        assert.ok(status === 401 || status === 403, `${method} ${path}: ${status}`)
      }
    })

    it('CVE-2025-4643, CVE-2025-56643, CVE-2025-53826: a logout ends access tokens as well', async () => {
      const { access_token: token } = await registerSomebody(server)
      assert.equal((await validate(token)).status, 200)
      await server.call('POST', '/v1/auth/logout', { token, body: {} })
      assert.equal((await validate(token)).body.code, 'token_revoked')
      assert.equal((await server.call('GET', '/v1/users/me', { token })).status, 401)
    })

    it('CVE-2025-4644: a deleted user’s tokens open nothing for who comes next', async () => {
      const gone = await registerSomebody(server)
      const body = { password: gone.password }
      assert.equal((await server.call('DELETE', '/v1/users/me', { token: gone.access_token, body })).status, 204)
      const next = await registerSomebody(server, gone.email)
      assert.notEqual(next.user.id, gone.user.id)
      assert.equal((await server.call('GET', '/v1/users/me', { token: gone.access_token })).status, 401)
      assert.equal((await refresh(gone.refresh_token)).status, 401)
    })

    it('CVE-2023-7028: a list of addresses is no address', async () => {
      const { email } = await registerSomebody(server)
      for (const given of [
        [email, 'eve@evil.example'],
        { 0: email },
        `${email},eve@evil.example`,
        `${email};eve@evil.example`,
      ]) {
        const body = { email: given, password: goodPassword }
        for (const path of ['/v1/auth/register', '/v1/auth/login']) {
          assert.equal((await server.call('POST', path, { body })).status, 422, JSON.stringify(given))
        }
      }
    })

    it('CVE-2024-47070, CVE-2023-36456: an unreadable forwarded address lets nobody pass', async () => {
      const { email } = await registerSomebody(server)
      const body = JSON.stringify({ email, password: 'the wrong one this is' })
      for (const given of ['a', '', ',', '999.999.999.999', "'", '\u00ff', '::1%25eth0', '127.0.0.1, x']) {
        const headers: [string, string][] = [
          ['X-Forwarded-For', given],
          ['Forwarded', `for=${given}`],
          ['X-Real-IP', given],
          ['Content-Type', 'application/json'],
        ]
        const answer = await send(server.address, { method: 'POST', path: '/v1/auth/login', headers, body })
        assert.equal(answer.status, 401, given)
      }
    })
  })
})
