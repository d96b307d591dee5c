import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { routes } from '../../src/http/routes.ts'
import { newId, randomToken } from '../../src/random.ts'
import { dumpRows } from '../http/rows.ts'
import { send } from '../http/wire.ts'
import { onEachDatabase } from '../support/databases.ts'
import { goodPassword, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/** What the requirements in `asvs.json` ask of a running server and no other suite shows. */

const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'

onEachDatabase((_name, url) => {
  describe('a server', () => {
    let server: TestServer
    let admin: string
    before(async () => {
      server = await startTestServer(url())
    })
    after(() => server.close())

    const registration = (email: string, password = goodPassword) =>
      server.call('POST', '/v1/auth/register', { body: { email, password } })
    const login = (email: string, password: string) =>
      server.call('POST', '/v1/auth/login', { body: { email, password } })

    it('that was just set up knows nobody, and lets in no usual name and password', async () => {
      assert.deepEqual(await server.app.database.db.selectFrom('users').select('id').execute(), [])
      assert.deepEqual(await server.app.database.db.selectFrom('services').select('id').execute(), [])
      for (const name of ['admin', 'root', 'administrator', 'test']) {
        for (const password of ['admin', name, 'password', 'changeme', '']) {
          const { status } = await login(`${name}@example.com`, password)
          assert.ok(status === 401 || status === 422, `${name} ${password}: ${status}`)
        }
      }
      const boss = await registerSomebody(server, 'boss@example.com')
      const { db } = server.app.database
      await db.updateTable('users').set({ roles: '["admin"]' }).where('email', '=', boss.email).execute()
      admin = (await login(boss.email, boss.password)).body.access_token
    })

    it('gives texts back as they came, whatever another reader would take them for', async () => {
      const { access_token: token } = await registerSomebody(server)
      const names = ['"><b>', '</script><script>', '{{7*7}}', '\u0024{7*7}', '%s%o%n', "' OR 1=1--", '=1+1']
      for (const name of names.map((text) => `Ada ${text}`)) {
        const changed = await server.call('PATCH', '/v1/users/me', { token, body: { name } })
        assert.equal(changed.body.name, name)
        const read = await server.call('GET', '/v1/users/me', { token })
        assert.equal(read.body.name, name)
        assert.match(read.headers.get('content-type')!, /^application\/json; charset=utf-8$/)
      }
      for (const name of ['Ada\r\nX-Evil: 1', 'Ada\u2028']) {
        assert.equal((await server.call('PATCH', '/v1/users/me', { token, body: { name } })).status, 422)
      }
    })

    it('changes nothing by GET and HEAD, whoever asks', async () => {
      const asked = routes.filter(({ method, path }) => method === 'GET' && path !== '/v1/revocations/stream')
      const { access_token: user } = await registerSomebody(server)
      const before = await dumpRows(server.app.database)
      for (const { path } of asked) {
        const at = path.replaceAll(/:(\w+_)?id\b/g, anId).replace(':code', 'not_found')
        for (const method of ['GET', 'HEAD']) {
          for (const token of [undefined, user, admin]) {
            const headers: [string, string][] = token ? [['Authorization', `Bearer ${token}`]] : []
            await send(server.address, { method, path: at, headers })
          }
        }
      }
      assert.equal(await dumpRows(server.app.database), before)
    })

    it('has nothing to show beside its routes: no files, no listings, no metrics, no grants', async () => {
      const paths = [
        ...[
          '/.env',
          '/.git/config',
          '/data.sqlite',
          '/package.json',
          '/server.ts',
          '/docs/',
          '/docs/errors/',
          '/data/',
        ],
        ...['/metrics', '/debug', '/v1', '/v1/', '/v1/users/me/x.css', '/v1/users/me;a.css', '/v1/users/me.json'],
        ...['/oauth2/token', '/oauth2/authorize', '/v1/auth/magic-link', '/index.html', '/robots.txt'],
      ]
      for (const path of paths) {
        const answer = await send(server.address, { path, headers: [['Authorization', `Bearer ${admin}`]] })
        assert.equal(answer.status, 404, path)
        for (const name of ['server', 'x-powered-by', 'via']) assert.equal(answer.headers[name], undefined, name)
      }
      const form = 'application/x-www-form-urlencoded'
      const body = 'grant_type=password&username=a%40example.com&password=x'
      const grant = await server.call('POST', '/v1/auth/login', { headers: { 'content-type': form }, body })
      assert.equal(grant.status, 415)
      const { body: metadata } = await server.call('GET', '/.well-known/oauth-authorization-server')
      assert.deepEqual(metadata.grant_types_supported ?? [], [])
      assert.deepEqual(metadata.response_types_supported ?? [], [])
    })

    it('takes passwords without rules of composition', async () => {
      const kinds = [
        'onlylowercaseletters',
        '90817263544536',
        'with blanks in between',
        '🔑🚪🪟🧱🏠🌳🐕🐈🌧',
        '春は曙やうやう白くなりゆく',
      ]
      for (const [index, password] of kinds.entries()) {
        assert.equal((await registration(`kind-${index}@example.com`, password)).status, 201, password)
        assert.equal((await login(`kind-${index}@example.com`, password)).status, 200, password)
      }
    })

    it('compares every character of a password, and changes none', async () => {
      const long = `${'Lange Nächte an der Küste '.repeat(4)}Ende`
      await registration('exact@example.com', long)
      const flipped = `${long.slice(0, 80)}${long[80] === 'x' ? 'y' : 'x'}${long.slice(81)}`
      for (const wrong of [`${long} `, ` ${long}`, long.toLowerCase(), flipped, long.slice(0, 72), long.slice(0, -1)]) {
        assert.equal((await login('exact@example.com', wrong)).status, 401, wrong)
      }
      assert.equal((await login('exact@example.com', long)).status, 200)
    })

    it('does not let passwords expire', async () => {
      const { email, password } = await registerSomebody(server)
      const clock = server.clock
      const twoYears = 2 * 365 * 86_400_000
      clock.advance(twoYears)
      assert.equal((await login(email, password)).status, 200)
      clock.advance(-twoYears)
    })

    it('lets no administrator choose a password for somebody', async () => {
      const { user, email, password } = await registerSomebody(server)
      const body = { password: 'another engine of brass' }
      const answer = await server.call('PATCH', `/v1/admin/users/${user.id}`, { token: admin, body })
      assert.equal(answer.status, 422)
      assert.equal((await login(email, password)).status, 200)
    })

    it('never mixes up who asks at the same time', async () => {
      const people = await Promise.all(Array.from({ length: 20 }, () => registerSomebody(server)))
      const asked = Array.from({ length: 200 }, (_, index) => people[index % people.length]!)
      const answers = await Promise.all(
        asked.map(({ access_token: token }) => server.call('GET', '/v1/users/me', { token })),
      )
      for (const [index, { body }] of answers.entries()) assert.equal(body.id, asked[index]!.user.id)
    })

    it('writes one line a request into its log, in UTC, whatever is in the request', async () => {
      const from = server.log.length
      await send(server.address, {
        path: '/v1/auth/validate',
        headers: [
          ['User-Agent', 'a\u001b[31m\tb'.replace('\u001b', '%1b')],
          ['X-Request-Id', 'a"},{"level":"error'],
          ['Authorization', `Bearer ${admin}`],
        ],
      })
      await login('nobody"}\u2028@example.com', 'whatever it may be')
      await server.call('GET', '/v1/admin/users', { token: (await registerSomebody(server)).access_token })
      const lines = server.log.slice(from)
      const requests = lines.filter(({ msg }) => msg === 'request')
      assert.deepEqual(
        requests.map(({ status }) => status),
        [200, 422, 201, 403],
      )
      for (const line of lines) {
        assert.match(String(line.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.ok(line.level)
      }
      // Who was refused what can be found: the line of the refusal names request, route and address.
      assert.deepEqual(
        Object.keys(requests.at(-1)!).filter((name) => ['request_id', 'route', 'ip'].includes(name)).length,
        3,
      )
    })
  })
})

describe('what is drawn at random', () => {
  it('is never drawn twice, a hundred thousand times over', () => {
    const tokens = new Set<string>()
    const ids = new Set<string>()
    for (let drawn = 0; drawn < 100_000; drawn++) {
      tokens.add(randomToken(16))
      ids.add(newId(1_700_000_000_000))
    }
    assert.equal(tokens.size, 100_000)
    assert.equal(ids.size, 100_000)
  })
})

describe('the list of common passwords', () => {
  it('holds more than 3000 that the shortest length allows', () => {
    const list = readFileSync(new URL('../../data/common-passwords.txt', import.meta.url), 'utf8').split('\n')
    assert.ok(list.filter((password) => [...password].length >= 8).length > 3000)
  })
})

describe('the contract', () => {
  it('has no field for hints and secret questions', () => {
    const contract = readFileSync(new URL('../../../contract/openapi.json', import.meta.url), 'utf8')
    assert.doesNotMatch(contract.replaceAll('token_type_hint', ''), /"(\w*hint\w*|\w*question\w*|\w*answer)":/i)
  })
})
