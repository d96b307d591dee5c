import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { permissions } from '../../src/domain/admin/permissions.ts'
import { serviceScopes } from '../../src/domain/services/service.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { type AnyRoute, route, scopeOf, type Who } from '../../src/http/route.ts'
import { routes } from '../../src/http/routes.ts'
import { createServer } from '../../src/http/server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { call, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/**
 * Every route, asked by every kind of caller. The question is always put with a query that no route knows, so that
 * whoever is let in stops at `validation_failed` and nothing happens to anybody.
 */

const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'

type CallerName =
  | 'nobody'
  | 'an empty header'
  | 'another scheme'
  | 'garbage'
  | 'an expired token'
  | 'a token of an ended session'
  | 'a refresh token'
  | 'a user'
  | 'a user in lower-case bearer'
  | 'an admin'
  | 'a service'
  | 'a service with a wrong secret'
  | 'a service without the scope'

type Verdict = ErrorCode | 'in'

const userish: Record<CallerName, Verdict> = {
  nobody: 'unauthenticated',
  'an empty header': 'invalid_token',
  'another scheme': 'invalid_token',
  garbage: 'invalid_token',
  'an expired token': 'token_expired',
  'a token of an ended session': 'token_revoked',
  'a refresh token': 'invalid_token',
  'a user': 'in',
  'a user in lower-case bearer': 'in',
  'an admin': 'in',
  'a service': 'invalid_token',
  'a service with a wrong secret': 'invalid_token',
  'a service without the scope': 'invalid_token',
}
const everyone = Object.fromEntries(Object.keys(userish).map((name) => [name, 'in'])) as Record<CallerName, Verdict>
const noService = Object.fromEntries(Object.keys(userish).map((name) => [name, 'invalid_client'])) as typeof everyone

const table: Record<Who, Record<CallerName, Verdict>> = {
  anyone: everyone,
  session: everyone,
  user: userish,
  admin: { ...userish, 'a user': 'forbidden', 'a user in lower-case bearer': 'forbidden' },
  service: { ...noService, 'a service': 'in', 'a service without the scope': 'forbidden' },
}

const scopedAdmin: typeof everyone = {
  ...table.admin,
  'a service': 'in',
  'a service with a wrong secret': 'invalid_client',
  'a service without the scope': 'forbidden',
}
const tableOf = (route: AnyRoute) => (route.who === 'admin' && scopeOf(route) ? scopedAdmin : table[route.who as Who])

onEachDatabase((_name, url) => {
  describe('who may call what', () => {
    let server: TestServer
    const authorizations = {} as Record<CallerName, string | undefined>
    let admin: { email: string; password: string }

    before(async () => {
      server = await startTestServer(url(), { quickHashes: true })
      const expired = await registerSomebody(server)
      server.clock.advance(16 * 60_000)
      const ended = await registerSomebody(server)
      await server.call('POST', '/v1/auth/logout', { token: ended.access_token, body: {} })
      const user = await registerSomebody(server)
      admin = await registerSomebody(server)
      await server.app.database.db
        .updateTable('users')
        .set({ roles: '["admin"]' })
        .where('email', '=', admin.email)
        .execute()
      const { email, password } = admin
      const { body } = await server.call('POST', '/v1/auth/login', { body: { email, password } })
      const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
      const service = await registerService(server.app, operatorAct, 'billing', [...serviceScopes])
      const other = await registerService(server.app, operatorAct, 'reports', [])
      Object.assign(authorizations, {
        nobody: undefined,
        'an empty header': '',
        'another scheme': 'Digest username="ada"',
        garbage: 'Bearer garbage',
        'an expired token': `Bearer ${expired.access_token}`,
        'a token of an ended session': `Bearer ${ended.access_token}`,
        'a refresh token': `Bearer ${user.refresh_token}`,
        'a user': `Bearer ${user.access_token}`,
        'a user in lower-case bearer': `bearer   ${user.access_token}`,
        'an admin': `Bearer ${body.access_token}`,
        'a service': basic(`${service.service.clientId}:${service.secret}`),
        'a service with a wrong secret': basic(`${service.service.clientId}:${service.secret}x`),
        'a service without the scope': basic(`${other.service.clientId}:${other.secret}`),
      } satisfies Record<CallerName, string | undefined>)
    })
    after(() => server?.close())

    const headersOf = (authorization: string | undefined, route: AnyRoute): Record<string, string> => ({
      ...(authorization !== undefined && { authorization }),
      ...(route.body && { 'content-type': route.bodyType ?? 'application/json' }),
    })
    const bodyOf = ({ body, bodyType, example }: AnyRoute) =>
      body && (bodyType ? String(new URLSearchParams(example as Record<string, string>)) : JSON.stringify(example))

    for (const { method, path, route } of routes) {
      it(`${method} ${path} lets in ${route.who} and tells others why not`, async () => {
        for (const [name, expected] of Object.entries(tableOf(route)) as [CallerName, Verdict][]) {
          const address = path.replaceAll(/:(\w+_)?id\b/g, anId).replace(':code', 'not_found')
          const headers = headersOf(authorizations[name], route)
          const letIn = route.oauth ? 'malformed_request' : 'validation_failed'
          const { status, body } = await server.call(method, `${address}?unknown=1`, { headers, body: bodyOf(route) })
          assert.equal(body.code, expected === 'in' ? letIn : expected, `${name}: ${status}`)
        }
      })
    }

    it('covers every kind of caller that a route can name', () => {
      assert.deepEqual([...new Set(routes.map(({ route }) => route.who))].sort(), Object.keys(table).sort())
    })

    it('finds every route for administrators in the table of permissions', () => {
      const admins = routes.filter(({ route }) => route.who === 'admin')
      assert.ok(admins.length > 10)
      for (const { method, path, route } of admins) assert.ok(route.permission, `${method} ${path} names no permission`)
    })

    it('opens a route by every scope that a service can have, and writes nothing by one that reads', () => {
      for (const scope of serviceScopes) {
        const opened = routes.filter(({ route }) => scopeOf(route) === scope)
        assert.ok(opened.length > 0, `${scope} opens no route`)
        if (scope.endsWith(':read'))
          assert.deepEqual(new Set(opened.map(({ method }) => method)), new Set(['GET']), scope)
      }
      const paths = routes.filter(({ route }) => scopeOf(route) === permissions['users:read'].scope)
      assert.deepEqual(
        paths.map(({ path }) => path),
        ['/v1/admin/users', '/v1/admin/users/:id'],
      )
    })

    it('asks who is calling before it reads what was sent', async () => {
      for (const { method, path, route } of routes.filter(({ route }) => route.who === 'user' && route.body)) {
        const { body } = await server.call(method, path, { headers: headersOf(undefined, route), body: '{broken' })
        assert.equal(body.code, 'unauthenticated', `${method} ${path}`)
      }
    })

    it('takes no token from the query, the body or a cookie', async () => {
      const token = authorizations['a user']!.slice('Bearer '.length)
      const asked = await server.call('GET', `/v1/auth/validate?access_token=${token}`)
      assert.equal(asked.body.code, 'unauthenticated')
      const cookie = await server.call('GET', '/v1/auth/validate', { headers: { cookie: `access_token=${token}` } })
      assert.equal(cookie.body.code, 'unauthenticated')
    })

    describe('on a route that asks for a fresh login', () => {
      let address: string
      let close: () => Promise<void>
      let token: string

      before(async () => {
        const delicate = route({
          summary: 'Something delicate',
          tag: 'Profile',
          who: 'user',
          freshWithin: 300,
          answers: { 204: { description: 'Done.' } },
          errors: [],
          handle: () => ({ status: 204 }),
        })
        const listener = await createServer(server.app, [{ method: 'POST', path: '/delicate', route: delicate }])
        await listener.listen({ host: '127.0.0.1', port: 0 })
        address = `http://127.0.0.1:${(listener.server.address() as AddressInfo).port}`
        close = () => listener.close()
      })
      after(() => close())

      const ask = () => call(address, 'POST', '/delicate', { token })

      it('a login of five minutes ago is fresh, and one of a moment before is not', async () => {
        const { email, password } = admin
        const login = await server.call('POST', '/v1/auth/login', { body: { email, password } })
        token = login.body.access_token
        assert.equal((await ask()).status, 204)
        server.clock.advance(298_000)
        assert.equal((await ask()).status, 204)
        server.clock.advance(4000)
        const late = await ask()
        assert.equal(late.status, 403)
        assert.equal(late.body.code, 'reauthentication_required')
        assert.equal(late.headers.get('www-authenticate'), null)
      })

      it('a refresh makes no login fresh, a new login does', async () => {
        const { email, password } = admin
        const login = await server.call('POST', '/v1/auth/login', { body: { email, password } })
        server.clock.advance(400_000)
        const { refresh_token } = login.body
        const refreshed = await server.call('POST', '/v1/auth/refresh', { body: { refresh_token } })
        token = refreshed.body.access_token
        assert.equal((await ask()).body.code, 'reauthentication_required')
        token = (await server.call('POST', '/v1/auth/login', { body: { email, password } })).body.access_token
        assert.equal((await ask()).status, 204)
      })
    })
  })
})
