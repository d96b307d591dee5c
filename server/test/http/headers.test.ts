import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { routes } from '../../src/http/routes.ts'
import { eventually } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { assertFixedHeaders } from './promises.ts'
import { send, type WireAnswer } from './wire.ts'

const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'
const pathOf = (path: string) => path.replace(':id', anId).replace(':code', 'not_found')
const json = ['Content-Type', 'application/json'] as const

async function serverWith(settings: Record<string, string>): Promise<TestServer & { stop(): Promise<void> }> {
  const fresh = await freshDatabase('SQLite')
  const server = await startTestServer(fresh.url, { settings, quickHashes: true })
  return {
    ...server,
    async stop() {
      await server.close()
      await fresh.drop()
    },
  }
}

describe('headers of every answer', () => {
  let server: Awaited<ReturnType<typeof serverWith>>
  let somebody: Awaited<ReturnType<typeof registerSomebody>>
  before(async () => {
    server = await serverWith({})
    somebody = await registerSomebody(server)
  })
  after(() => server.stop())

  /** Each route as it is called rightly, as nobody, and with a body or query that is wrong. */
  async function everyAnswer(): Promise<{ what: string; answer: WireAnswer; path: string }[]> {
    const answers: { what: string; answer: WireAnswer; path: string }[] = []
    const token = ['Authorization', `Bearer ${somebody.access_token}`] as const
    for (const { method, path, route } of routes) {
      if (method === 'DELETE' && path === '/v1/users/me') continue
      const body = route.body ? JSON.stringify(route.example) : undefined
      const requests = {
        'as it should be': { headers: route.body ? [json, token] : [token], ...(body && { body }) },
        'by nobody': { headers: route.body ? [json] : [], ...(body && { body }) },
        'with an unknown query': { headers: [token], path: `${pathOf(path)}?x=1` },
        'as HEAD': { method: 'HEAD' },
        'as TRACE': { method: 'TRACE' },
      }
      for (const [name, request] of Object.entries(requests)) {
        const answer = await send(server.address, { method, path: pathOf(path), ...request })
        answers.push({ what: `${method} ${path} ${name}: ${answer.status}`, answer, path })
      }
    }
    answers.push({ what: 'nowhere', answer: await send(server.address, { path: '/nowhere' }), path: '' })
    answers.push({ what: 'a broken escape', answer: await send(server.address, { path: '/%zz' }), path: '' })
    return answers
  }

  it('tell browsers to guess, frame, embed and refer nothing, and to come back by TLS', async () => {
    for (const { what, answer } of await everyAnswer()) {
      assertFixedHeaders(answer, what)
      const hsts = /^max-age=(\d+); includeSubDomains$/.exec(answer.headers['strict-transport-security'] ?? '')
      assert.ok(Number(hsts?.[1]) >= 365 * 24 * 3600, `HSTS of ${what}`)
      for (const name of ['server', 'x-powered-by', 'location', 'access-control-allow-origin', 'set-cookie']) {
        assert.equal(answer.headers[name], undefined, `${name} of ${what}`)
      }
      assert.ok(answer.headers.date, `Date of ${what}`)
    }
  })

  it('name type and charset of every body', async () => {
    const types = /^(application\/json|application\/problem\+json|text\/html); charset=utf-8$/
    for (const { what, answer } of await everyAnswer()) {
      if (answer.status === 204) assert.equal(answer.headers['content-type'], undefined, what)
      else assert.match(answer.headers['content-type'] ?? '', types, what)
    }
  })

  it('keep everything out of caches but the public pages', async () => {
    const isPublic = (path: string) => /^\/(docs|openapi|\.well-known)/.test(path)
    for (const { what, answer, path } of await everyAnswer()) {
      const expected = isPublic(path) && answer.status === 200 ? 'public, max-age=300' : 'no-store'
      assert.equal(answer.headers['cache-control'], expected, what)
    }
  })

  it('say with every 401 how to come in, and with which error', async () => {
    const asks = async (authorization?: string) => {
      const headers = authorization === undefined ? [] : [['Authorization', authorization] as const]
      const { status, headers: answered } = await send(server.address, { path: '/v1/auth/validate', headers })
      return [status, answered['www-authenticate']]
    }
    // RFC 6750 §3.1: no error code for a request without credentials.
    assert.deepEqual(await asks(), [401, 'Bearer'])
    assert.deepEqual(await asks('Bearer x'), [401, 'Bearer error="invalid_token"'])
    assert.deepEqual(await asks('Basic x'), [401, 'Bearer error="invalid_token"'])
    for (const { what, answer } of await everyAnswer()) {
      assert.equal(answer.headers['www-authenticate'] !== undefined, answer.status === 401, what)
    }
  })

  it('never redirect', async () => {
    for (const { what, answer } of await everyAnswer()) {
      assert.ok(answer.status < 300 || answer.status >= 400 || answer.status === 304, what)
    }
  })

  it('promise no TLS when the public address has none', async () => {
    const plain = await serverWith({ PUBLIC_URL: 'http://127.0.0.1:8080' })
    try {
      const { headers } = await send(plain.address, { path: '/health/live' })
      assert.equal(headers['strict-transport-security'], undefined)
    } finally {
      await plain.stop()
    }
  })
})

describe('origins of other pages', () => {
  const allowed = 'https://app.example.com'
  const strange = [
    'https://evil.example',
    'null',
    'https://app.example.com.evil.example',
    'https://evilapp.example.com',
    'https://evil.example/https://app.example.com',
    'https://sub.app.example.com',
    'https://example.com',
    'http://app.example.com',
    'https://app.example.com:443',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'https://APP.example.com',
    'HTTPS://app.example.com',
    'https://app.example.com ,https://evil.example',
    'https://app_example.com',
    'https://appXexample.com',
    '*',
    'file://',
    'https://app.example.com%60.evil.example',
  ]
  let server: Awaited<ReturnType<typeof serverWith>>
  before(async () => {
    server = await serverWith({ CORS_ORIGINS: `${allowed},https://admin.example.com` })
  })
  after(() => server.stop())

  const preflight = (address: string, origin: string, path = '/v1/auth/login') =>
    send(address, {
      method: 'OPTIONS',
      path,
      headers: [
        ['Origin', origin],
        ['Access-Control-Request-Method', 'POST'],
        ['Access-Control-Request-Headers', 'content-type,refresh-key,authorization'],
      ],
    })

  it('may call when they are on the list, and read what a client needs', async () => {
    const before = await preflight(server.address, allowed)
    assert.equal(before.status, 204)
    assert.equal(before.headers['access-control-allow-origin'], allowed)
    assert.match(before.headers['access-control-allow-headers'] ?? '', /Authorization, Content-Type, Refresh-Key/)
    assert.match(before.headers['access-control-allow-methods'] ?? '', /POST/)
    assert.ok(Number(before.headers['access-control-max-age']) <= 600)
    assertFixedHeaders(before, 'a preflight')

    const answer = await send(server.address, { path: '/health/live', headers: [['Origin', allowed]] })
    assert.equal(answer.headers['access-control-allow-origin'], allowed)
    assert.deepEqual(answer.headers['access-control-expose-headers']?.split(', ').sort(), [
      'Date',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'WWW-Authenticate',
      'X-Request-Id',
    ])
    assert.equal(answer.headers['access-control-allow-credentials'], 'true')
  })

  it('may read errors too, from the first that can be', async () => {
    const requests = [
      { path: '/v1/auth/validate' },
      { path: '/nowhere' },
      { path: '/docs/errors/%zz' },
      { path: `/docs?${'a'.repeat(3000)}` },
      { method: 'PUT', path: '/v1/auth/login' },
      { method: 'POST', path: '/v1/auth/login', headers: [json] as const, body: '{' },
    ]
    for (const { headers = [], ...request } of requests) {
      const answer = await send(server.address, { ...request, headers: [...headers, ['Origin', allowed]] })
      assert.ok(answer.status >= 400)
      assert.equal(answer.headers['access-control-allow-origin'], allowed, `${request.method} ${request.path}`)
    }
  })

  it('are promised nothing at a path that is not there', async () => {
    const nowhere = await preflight(server.address, allowed, '/nowhere')
    assert.deepEqual([nowhere.status, nowhere.headers['access-control-allow-methods']], [404, undefined])
    const profile = await preflight(server.address, allowed, '/v1/users/me')
    assert.deepEqual(profile.headers['access-control-allow-methods']?.split(', ').sort(), [
      'DELETE',
      'GET',
      'HEAD',
      'PATCH',
    ])
    // Whoever is no browser's page asks for what he could not be told better than by Allow.
    for (const headers of [[], [['Origin', allowed] as const], [['Access-Control-Request-Method', 'POST'] as const]]) {
      const answer = await send(server.address, { method: 'OPTIONS', path: '/v1/auth/login', headers })
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'])
    }
  })

  for (const origin of strange) {
    it(`may not when they are ${origin}`, async () => {
      for (const answer of [
        await preflight(server.address, origin),
        await send(server.address, { path: '/health/live', headers: [['Origin', origin]] }),
        await send(server.address, { path: '/v1/auth/validate', headers: [['Origin', origin]] }),
        await send(server.address, { path: '/docs/errors/%zz', headers: [['Origin', origin]] }),
      ]) {
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
        assert.equal(answer.headers['access-control-allow-credentials'], undefined)
        assert.match(answer.headers.vary ?? '', /Origin/)
      }
    })
  }

  it('hear nothing of it where no list is configured', async () => {
    const closed = await serverWith({})
    try {
      for (const origin of [allowed, 'null']) {
        const before = await preflight(closed.address, origin)
        assert.equal(before.status, 405)
        const answer = await send(closed.address, { path: '/health/live', headers: [['Origin', origin]] })
        for (const { headers } of [before, answer]) {
          assert.deepEqual(
            Object.keys(headers).filter((name) => name.startsWith('access-control')),
            [],
          )
        }
      }
    } finally {
      await closed.stop()
    }
  })

  it('are all let in by a star, which never comes with credentials', async () => {
    const open = await serverWith({ CORS_ORIGINS: '*' })
    try {
      const { headers } = await send(open.address, {
        path: '/health/live',
        headers: [['Origin', 'https://any.example']],
      })
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.equal(headers['access-control-allow-credentials'], undefined)
    } finally {
      await open.stop()
    }
  })
})

describe('what a proxy adds', () => {
  const login = JSON.stringify({ email: 'nobody@example.com', password: 'some wrong password' })
  const lastIp = (server: TestServer) => server.log.findLast(({ msg }) => msg === 'request')?.ip
  const lastId = (answer: WireAnswer) => answer.headers['x-request-id']
  const ask = (server: TestServer, headers: (readonly [string, string])[]) =>
    send(server.address, { method: 'POST', path: '/v1/auth/login', headers: [json, ...headers], body: login })

  it('is ignored when no proxy is configured', async () => {
    const server = await serverWith({})
    try {
      for (const header of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP']) {
        await ask(server, [[header, header === 'Forwarded' ? 'for=203.0.113.9' : '203.0.113.9']])
        assert.equal(lastIp(server), '127.0.0.1', header)
      }
      const answer = await ask(server, [['X-Request-Id', 'mine']])
      assert.notEqual(lastId(answer), 'mine')
    } finally {
      await server.stop()
    }
  })

  it('is ignored when it comes from somewhere else', async () => {
    const server = await serverWith({ TRUSTED_PROXIES: '10.0.0.0/8' })
    try {
      const answer = await ask(server, [
        ['X-Forwarded-For', '203.0.113.9'],
        ['X-Request-Id', 'mine'],
      ])
      assert.equal(lastIp(server), '127.0.0.1')
      assert.notEqual(lastId(answer), 'mine')
    } finally {
      await server.stop()
    }
  })

  describe('when it is configured', () => {
    let server: Awaited<ReturnType<typeof serverWith>>
    before(async () => {
      server = await serverWith({ TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' })
    })
    after(() => server.stop())

    const cases: [string, string][] = [
      ['203.0.113.9', '203.0.113.9'],
      ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
      ['203.0.113.9, 10.1.2.3', '203.0.113.9'],
      ['10.9.9.9, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
      ['2001:db8::1', '2001:db8::1'],
      ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
      ['::ffff:203.0.113.9', '203.0.113.9'],
      ['::FFFF:cb00:7109', '203.0.113.9'],
      ['fe80::1%eth0', 'fe80::1'],
      [`fe80::1%${'a'.repeat(60)}`, 'fe80::1'],
      ['fe80::1%', '127.0.0.1'],
      // What is no address is nobody's: the connection's own stands.
      ['unknown', '127.0.0.1'],
      ['203.0.113.9, evil', '127.0.0.1'],
      // Some proxies write the port as well.
      ['203.0.113.9:4711', '203.0.113.9'],
      ['[2001:db8::1]:4711', '2001:db8::1'],
      ['203.0.113.9:471111', '127.0.0.1'],
      ["' OR 1=1--", '127.0.0.1'],
      ['256.1.1.1', '127.0.0.1'],
      [',', '127.0.0.1'],
      ['a'.repeat(5000), '127.0.0.1'],
    ]
    for (const [given, expected] of cases) {
      it(`gives the rightmost address that is no proxy of ${given.slice(0, 40)}: ${expected}`, async () => {
        await ask(server, [['X-Forwarded-For', given]])
        assert.equal(lastIp(server), expected)
      })
    }

    it('changes neither links nor issuer', async () => {
      const headers = [
        ['Host', 'evil.example'],
        ['X-Forwarded-Host', 'evil.example'],
        ['X-Forwarded-Proto', 'http'],
        ['X-Forwarded-Prefix', '/evil'],
        ['Forwarded', 'host=evil.example;proto=http'],
      ] as const
      for (const path of [
        '/.well-known/oauth-authorization-server',
        '/openapi.json',
        '/docs',
        '/nowhere',
        '/docs?x=1',
      ]) {
        const answer = await send(server.address, { path, headers })
        assert.doesNotMatch(answer.text, /evil\.example/, path)
        assert.ok(!JSON.stringify(answer.headers).includes('evil.example'), path)
      }
      const { text } = await send(server.address, { path: '/.well-known/oauth-authorization-server', headers })
      const metadata = JSON.parse(text)
      assert.equal(metadata.issuer, 'https://auth.example.com')
      assert.equal(metadata.jwks_uri, 'https://auth.example.com/.well-known/jwks.json')
    })

    it('names the request, if the name is a short word', async () => {
      for (const id of ['a', 'req-1_2', 'A'.repeat(64)]) {
        assert.equal(lastId(await ask(server, [['X-Request-Id', id]])), id)
        // Written when the answer has left, which its caller may see a moment earlier.
        await eventually(() => server.log.findLast(({ msg }) => msg === 'request')?.request_id === id)
      }
      for (const id of ['', 'a b', 'A'.repeat(65), 'a;b', '"><script>', 'ä', '%0a', '{}']) {
        const answered = lastId(await ask(server, [['X-Request-Id', id]]))
        assert.notEqual(answered, id)
        assert.match(answered ?? '', /^[A-Za-z0-9_-]{8,64}$/)
      }
    })

    it('gives every request a name of its own otherwise', async () => {
      const ids = new Set<string | undefined>()
      for (let round = 0; round < 50; round++) ids.add(lastId(await send(server.address, { path: '/health/live' })))
      assert.equal(ids.size, 50)
    })
  })
})

describe('discovery', () => {
  let server: Awaited<ReturnType<typeof serverWith>>
  before(async () => {
    server = await serverWith({})
  })
  after(() => server.stop())

  for (const path of ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server']) {
    it(`${path} may be kept for five minutes and asked for again by its ETag`, async () => {
      const first = await send(server.address, { path })
      assert.equal(first.status, 200)
      assert.equal(first.headers['cache-control'], 'public, max-age=300')
      const etag = first.headers.etag!
      assert.match(etag, /^"[A-Za-z0-9_-]+"$/)
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await send(server.address, { path, headers: [['If-None-Match', known]] })
        assert.equal(again.status, 304, known)
        assert.equal(again.text, '')
        assert.equal(again.headers.etag, etag)
        assert.equal(again.headers['cache-control'], 'public, max-age=300')
      }
      const other = await send(server.address, { path, headers: [['If-None-Match', '"other"']] })
      assert.equal(other.status, 200)
    })
  }

  it('publishes public members only, with the one algorithm and use of each key', async () => {
    const { keys } = JSON.parse((await send(server.address, { path: '/.well-known/jwks.json' })).text)
    assert.ok(keys.length > 0)
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) assert.ok(!(secret in key), secret)
      assert.ok(key.kid && key.alg && key.use === 'sig', JSON.stringify(key))
    }
  })
})
