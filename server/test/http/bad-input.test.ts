import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Ajv } from 'ajv'
import { serviceScopes } from '../../src/domain/services/service.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { type AnyRoute, errorsOf } from '../../src/http/route.ts'
import { type Method, type Place, routes } from '../../src/http/routes.ts'
import { onEachDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { assertProblem } from './promises.ts'
import { dumpRows } from './rows.ts'
import { exchange, send, type WireAnswer, type WireRequest } from './wire.ts'

/** Generated from the routes themselves: a new route is driven with all of this as soon as it stands in the table. */

const json = ['Content-Type', 'application/json'] as const
const chunked = ['Transfer-Encoding', 'chunked'] as const
const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'
const pathOf = ({ path }: Place) => path.replaceAll(/:(\w+_)?id\b/g, anId).replace(':code', 'not_found')
const withBody = routes.filter(({ route }) => route.body)
const isForm = (route: AnyRoute) => route.bodyType === 'application/x-www-form-urlencoded'
const typeOf = (route: AnyRoute) => ['Content-Type', route.bodyType ?? 'application/json'] as const
const goodBody = (route: AnyRoute) =>
  isForm(route) ? String(new URLSearchParams(route.example as Record<string, string>)) : JSON.stringify(route.example)

type Properties = Record<string, unknown>
const propertiesOf = (route: AnyRoute) => Object.keys(route.body.properties as Properties)
const exampleOf = (route: AnyRoute) => structuredClone(route.example) as Properties

/** One value for each way in which a value can be wrong; `raw` is JSON text that no object would be written as. */
const strange: { name: string; raw: string }[] = [
  { name: 'null', raw: 'null' },
  { name: 'a number', raw: '7' },
  { name: 'a negative number', raw: '-1' },
  { name: 'a number beyond every double', raw: '1e309' },
  { name: 'a number beyond every safe integer', raw: '9007199254740993' },
  { name: 'a flag', raw: 'true' },
  { name: 'a list', raw: '[]' },
  { name: 'a long list', raw: `[${'"a",'.repeat(5000)}"a"]` },
  { name: 'an object', raw: '{}' },
  { name: 'a list with a string', raw: '["ada@example.com"]' },
  { name: 'an empty string', raw: '""' },
  { name: 'a string of 60 KB', raw: JSON.stringify('a'.repeat(60_000)) },
  { name: 'a string of 60 KB of "@"', raw: JSON.stringify('@'.repeat(60_000)) },
]

/** Strings that no field takes. */
const poison: { name: string; raw: string }[] = [
  { name: 'a NUL', raw: '"a\\u0000b@example.com"' },
  { name: 'only a NUL', raw: '"\\u0000"' },
  { name: 'a line break', raw: '"a\\r\\nX-Header: 1"' },
  { name: 'an escape', raw: '"a\\u001b[31m"' },
  { name: 'a C1 control', raw: '"a\\u0085b"' },
  { name: 'half a character', raw: '"a\\ud800b"' },
  { name: 'the other half', raw: '"a\\udc00b"' },
]

const ofText = (route: AnyRoute, field: string) => /"type":"string"/.test(JSON.stringify(route.body.properties[field]))

/** The body with one field's value replaced by JSON text. */
function replaced(route: AnyRoute, field: string, raw: string): string {
  const body = exampleOf(route)
  delete body[field]
  const rest = JSON.stringify(body).slice(1, -1)
  return `{${JSON.stringify(field)}:${raw}${rest === '' ? '' : ','}${rest}}`
}

type Case = { name: string; request: WireRequest; codes?: readonly string[] }

function bodyCase(place: Place, name: string, body: string | Uint8Array, codes?: readonly string[]): Case {
  const request = { method: place.method, path: pathOf(place), headers: [typeOf(place.route)], body }
  return { name, request, ...(codes && { codes }) }
}

/** RFC 6749 §5.2 wants 400 where OAuth clients call. */
const refusalOf = ({ route }: Place) => (route.oauth ? 'malformed_request' : 'validation_failed')

/** Forms hold nothing but text, and RFC 6749 §3.1 wants unknown parameters ignored. */
function wrongForms(place: Place): Case[] {
  const invalid = (name: string, body: string) => bodyCase(place, name, body, [refusalOf(place)])
  const [field] = place.route.body.required as string[]
  return [
    invalid('nothing', ''),
    invalid('a missing field', 'token_type_hint=access_token'),
    invalid('an empty field', `${field}=`),
    invalid('a field of 60 KB', `${field}=${'a'.repeat(60_000)}`),
    invalid('JSON', goodBody(place.route).replaceAll('=', ':')),
    bodyCase(place, 'a field twice', `${field}=a&${field}=b`, ['malformed_request']),
    bodyCase(place, 'a field twice, once in escapes', `${field}=a&${escaped(field!)}=b`, ['malformed_request']),
    bodyCase(place, 'more than 64 KiB', `${field}=${'a'.repeat(65 * 1024)}`, ['payload_too_large']),
  ]
}

const escaped = (text: string) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`

/** Fields with values the published schema refuses. */
function wrongFields(place: Place): Case[] {
  const { route } = place
  const isValid = new Ajv({ strict: false }).compile(JSON.parse(JSON.stringify(route.body)))
  const cases: Case[] = []
  for (const field of propertiesOf(route)) {
    for (const { name, raw } of strange) {
      const body = replaced(route, field, raw)
      if (isValid(JSON.parse(body))) continue
      cases.push(bodyCase(place, `${field} is ${name}`, body, ['validation_failed', 'malformed_request']))
    }
    if (!ofText(route, field) || (place.path === '/v1/auth/logout' && field === 'refresh_token')) continue
    for (const { name, raw } of poison)
      cases.push(bodyCase(place, `${field} holds ${name}`, replaced(route, field, raw)))
  }
  for (const field of (route.body.required as string[] | undefined) ?? []) {
    const { [field]: _left, ...rest } = exampleOf(route)
    cases.push(bodyCase(place, `${field} is missing`, JSON.stringify(rest), ['validation_failed']))
  }
  return cases
}

/** Bodies that are wrong as a whole. */
function wrongBodies(place: Place): Case[] {
  const { route } = place
  const good = JSON.stringify(route.example)
  const [field] = Object.keys(route.example as object)
  const plus = (text: string) => `{${text},${good.slice(1)}`
  const refused = (name: string, body: string | Uint8Array) => bodyCase(place, name, body, ['malformed_request'])
  const invalid = (name: string, body: string) => bodyCase(place, name, body, ['validation_failed'])
  return [
    invalid('null', 'null'),
    invalid('a list', '[]'),
    invalid('a string', '"a"'),
    invalid('a number', '1'),
    invalid('an unknown field', plus('"unknown":1')),
    invalid('a field in camelCase', plus('"deviceName":"x"')),
    invalid('a thousand unknown fields', plus(Array.from({ length: 1000 }, (_, index) => `"f${index}":1`).join(','))),
    invalid('a field named constructor', plus('"constructor":{"prototype":{"admin":true}}')),
    invalid('a field named toString', plus('"toString":1')),
    invalid('a field with a slash and a tilde', plus('"a/b~c":1')),
    refused('a field named __proto__', plus('"__proto__":{"admin":true}')),
    refused('a field named __proto__ in escapes', plus('"\\u005f_proto__":{"admin":true}')),
    refused('a field twice', plus(`"${field}":"x"`)),
    refused(
      'a field twice, once in escapes',
      plus(`"\\u00${field!.charCodeAt(0).toString(16)}${field!.slice(1)}":"x"`),
    ),
    refused('deep nesting', `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`),
    refused('deep nesting that never ends', '['.repeat(60_000)),
    refused('a byte-order mark', `\ufeff${good}`),
    refused('broken UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])),
    refused(
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ),
    refused('UTF-16', Buffer.from(good, 'utf16le')),
    refused('half of a body', good.slice(0, -4)),
    refused('two values', `${good}${good}`),
    refused('a trailing comma', good.replace(/\}$/, ',}')),
    refused('single quotes', good.replaceAll('"', "'")),
    refused('a comment', `/**/${good}`),
    refused('NaN', '{"a":NaN}'),
    // In a text, and so only where the example has one.
    ...(good.includes(':"') ? [refused('a raw control character', good.replace(':"', ':"\u0001'))] : []),
    refused('a form', 'email=ada@example.com&password=x'),
    ...(route.bodyOptional ? [] : [refused('nothing', '')]),
    bodyCase(place, 'a body of more than 64 KiB', `{"a":"${'a'.repeat(64 * 1024)}"}`, ['payload_too_large']),
    {
      name: 'a body of more than 64 KiB in chunks',
      codes: ['payload_too_large'],
      request: {
        method: place.method,
        path: pathOf(place),
        headers: [json, ['Transfer-Encoding', 'chunked']],
        body: `${(70_000).toString(16)}\r\n${'a'.repeat(70_000)}\r\n0\r\n\r\n`,
      },
    },
  ]
}

const wrongTypes = [
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/problem+json',
  'text/plain; application/json',
  'application/json, text/plain',
  'application/json; charset=utf-16',
  'application/json; charset=latin1',
  'json',
  ';',
]

function wrongContentTypes(place: Place): Case[] {
  const request = { method: place.method, path: pathOf(place), body: goodBody(place.route) }
  const others = [isForm(place.route) ? 'application/json' : 'application/x-www-form-urlencoded']
  const codes = ['unsupported_media_type']
  return [
    { name: 'no content type', request, codes },
    ...[...wrongTypes, ...others].map((type) => ({
      name: type,
      codes,
      request: { ...request, headers: [['Content-Type', type]] as const },
    })),
  ]
}

/** What is wrong before anybody looks at the body: on every route. */
function wrongRequests(place: Place): Case[] {
  const { method, route } = place
  const path = pathOf(place)
  const body = route.body ? goodBody(route) : undefined
  const own = body === undefined ? [] : [typeOf(route)]
  const request = (changes: WireRequest): WireRequest => ({
    method,
    path,
    headers: own,
    ...(body !== undefined && { body }),
    ...changes,
  })
  const at = (name: string, changed: string, ...codes: string[]): Case => ({
    name,
    request: request({ path: changed }),
    codes,
  })
  const having = (name: string, headers: [string, string][], ...codes: string[]): Case => ({
    name,
    request: request({ headers: [...own, ...headers] }),
    codes,
  })
  return [
    at('an unknown query parameter', `${path}?unknown=1`, refusalOf(place)),
    at('a callback', `${path}?callback=alert`, refusalOf(place)),
    at('a query named __proto__', `${path}?__proto__=1`, refusalOf(place)),
    at('a query named constructor', `${path}?constructor[prototype]=1`, refusalOf(place)),
    at('a long query', `${path}?a=${'a'.repeat(3000)}`, 'uri_too_long'),
    at('a long path', `${path}/${'a'.repeat(3000)}`, 'uri_too_long'),
    at('a trailing slash', `${path}/`, 'not_found', 'validation_failed'),
    at('a doubled slash', `/${path}`, 'not_found'),
    at('upper case', path.toUpperCase(), 'not_found'),
    at('an encoded slash', path.replace('/', '/%2F'), 'not_found'),
    at('a broken escape', `${path}%zz`, 'malformed_request'),
    at('half an escape', `${path}%`, 'malformed_request'),
    at('an escape that is no UTF-8', `${path}%c0%af`, 'malformed_request'),
    at('dot segments', `/x/..${path}`, 'not_found'),
    having(
      'Authorization twice',
      [
        ['Authorization', 'Bearer a'],
        ['authorization', 'Bearer b'],
      ],
      'malformed_request',
    ),
    having(
      'Host twice',
      [
        ['Host', 'a.example'],
        ['host', 'b.example'],
      ],
      'malformed_request',
    ),
    having(
      'Refresh-Key twice',
      [
        ['Refresh-Key', 'a'.repeat(16)],
        ['Refresh-Key', 'b'.repeat(16)],
      ],
      'malformed_request',
    ),
    having(
      'Content-Type twice',
      [
        ['Content-Type', 'application/json'],
        ['content-type', 'text/plain'],
      ],
      'malformed_request',
    ),
    having('a header of 20 KB', [['X-Large', 'a'.repeat(20_000)]], 'headers_too_large'),
    having(
      'three thousand headers',
      Array.from({ length: 3000 }, () => ['a', '']),
      'headers_too_large',
    ),
    having('a control character in a header', [['X-Odd', 'a\u0001b']], 'malformed_request'),
    having('a blank in a header name', [['X Odd', 'a']], 'malformed_request'),
  ]
}

/** A body where none belongs. */
function needlessBodies(place: Place): Case[] {
  const request = { method: place.method, path: pathOf(place) }
  const codes = ['malformed_request']
  return [
    { name: 'a body in JSON', codes, request: { ...request, headers: [json], body: '{"a":1}' } },
    { name: 'a body in broken JSON', codes, request: { ...request, headers: [json], body: '{' } },
    { name: 'a list', codes, request: { ...request, headers: [json], body: '[]' } },
    { name: 'two empty objects', codes, request: { ...request, headers: [json], body: '{}{}' } },
    { name: 'an empty object without a type', codes, request: { ...request, body: '{}' } },
    {
      name: 'an empty object behind many blanks',
      codes,
      request: { ...request, headers: [json], body: `${' '.repeat(100)}{}` },
    },
    { name: 'a body of text', codes, request: { ...request, headers: [['Content-Type', 'text/plain']], body: 'x' } },
    { name: 'a body without a type', codes, request: { ...request, body: 'x' } },
    { name: 'a body that is too large', codes, request: { ...request, headers: [json], body: 'x'.repeat(70_000) } },
    {
      name: 'a body in chunks',
      codes,
      request: { ...request, headers: [['Transfer-Encoding', 'chunked']], body: '1\r\nx\r\n0\r\n\r\n' },
    },
  ]
}

/** What HTTP libraries send by themselves where they have nothing to send. */
const nothings: { name: string; headers: (readonly [string, string])[]; body?: string }[] = [
  { name: 'an empty object', headers: [json], body: '{}' },
  { name: 'an empty object with blanks', headers: [json], body: ' { }\r\n' },
  { name: 'an empty object in chunks', headers: [json, chunked], body: '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n' },
  { name: 'a type and nothing else', headers: [json] },
  { name: 'a type and no bytes', headers: [json], body: '' },
  { name: 'a type and no chunks', headers: [json, chunked], body: '0\r\n\r\n' },
]

const hostileIds = [
  'x',
  '0',
  "' OR 1=1--",
  anId.toUpperCase(),
  anId.replace('-7', '-4'),
  `${anId}0`,
  `${anId}%00`,
  `${anId}%0a`,
  '%00',
  '..%2f..%2fetc',
  '__proto__',
  'constructor',
  '%F0%9F%94%91',
  'a'.repeat(190),
  'a'.repeat(300),
]

const hostileQueries = [
  'limit=0',
  'limit=-1',
  'limit=201',
  'limit=1.5',
  'limit=1e309',
  'limit=9007199254740993',
  'limit=2147483648',
  'limit=',
  'limit=%20',
  'limit=ten',
  'limit=0x10',
  'limit=1e1',
  'limit=+1',
  'limit=1&limit=2',
  'limit[]=1',
  'limit=true',
  'cursor=',
  'cursor=x',
  "cursor=' OR 1=1--".replaceAll(' ', '%20'),
  'cursor=%00',
  'cursor=../../x',
  `cursor=${'a'.repeat(201)}`,
  `cursor=${Buffer.from("01934d2e' OR '1'='1").toString('base64url')}`,
  `cursor=${Buffer.from(anId.toUpperCase()).toString('base64url')}`,
  `cursor=${Buffer.from(`${anId}\0`).toString('base64url')}`,
  `cursor=${Buffer.from(anId).toString('base64url')}&cursor=x`,
  'Limit=1',
]

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'LINK',
  'QUERY',
]

describe('input that no client of ours would send', () => {
  onEachDatabase((name, url) => {
    let server: TestServer
    let token: string
    let service: string
    before(async () => {
      server = await startTestServer(url(), { settings: { LOG_LEVEL: 'info' } })
      const somebody = await registerSomebody(server, 'somebody@example.com')
      token = somebody.access_token
      await server.app.database.db.updateTable('users').set({ roles: '["admin"]' }).execute()
      const login = await server.call('POST', '/v1/auth/login', {
        body: { email: somebody.email, password: somebody.password },
      })
      token = login.body.access_token
      const registered = await registerService(server.app, operatorAct, 'billing', [...serviceScopes])
      service = Buffer.from(`${registered.service.clientId}:${registered.secret}`).toString('base64')
    })
    after(() => server?.close())

    const authorized = (route: AnyRoute, request: WireRequest): WireRequest => {
      const has = request.headers?.some(([given]) => given.toLowerCase() === 'authorization')
      if (has || route.who === 'anyone' || route.who === 'session') return request
      const authorization = route.who === 'service' ? `Basic ${service}` : `Bearer ${token}`
      return { ...request, headers: [...(request.headers ?? []), ['Authorization', authorization]] }
    }

    /** Every case is refused with an error that the route declares, and nothing is written. */
    const refuses =
      (place: Place, cases: Case[], declared = true) =>
      async () => {
        const rows = await dumpRows(server.app.database)
        for (const each of cases) {
          const what = `${place.method} ${place.path} with ${each.name}`
          const answer = await send(server.address, authorized(place.route, each.request))
          assert.ok(
            answer.status >= 400 && answer.status < 500,
            `${what}: ${answer.status} ${answer.text.slice(0, 300)}`,
          )
          const code = assertProblem(answer, what, declared ? place.route : null)
          if (each.codes) assert.ok(each.codes.includes(code), `${what}: ${code}: ${answer.text.slice(0, 300)}`)
        }
        assert.equal(await dumpRows(server.app.database), rows, 'nothing was written')
      }

    for (const place of withBody) {
      const title = `${place.method} ${place.path}`
      it(`${title} refuses wrong fields`, refuses(place, isForm(place.route) ? wrongForms(place) : wrongFields(place)))
      if (name !== 'SQLite') continue
      if (!isForm(place.route)) it(`${title} refuses wrong bodies`, refuses(place, wrongBodies(place)))
      it(`${title} refuses wrong content types`, refuses(place, wrongContentTypes(place)))
    }
    if (name !== 'SQLite') return

    for (const place of routes) {
      const title = `${place.method} ${place.path}`
      // What matches no route is answered by none, so that its error is not one of this route.
      it(`${title} refuses wrong requests`, refuses(place, wrongRequests(place), false))
      if (!place.route.body) it(`${title} refuses a body`, refuses(place, needlessBodies(place)))
      if (place.route.params) {
        const cases = hostileIds.map((id) => ({
          name: `the id ${id}`,
          request: { method: place.method, path: place.path.replace(/:\w+/, encodeURI(id).replaceAll('%25', '%')) },
        }))
        it(`${title} refuses hostile ids`, refuses(place, cases))
      }
      if (place.route.query) {
        const cases = hostileQueries.map((query) => ({
          name: `?${query}`,
          request: { method: place.method, path: `${pathOf(place)}?${query}` },
          codes: ['validation_failed'],
        }))
        it(`${title} refuses hostile queries`, refuses(place, cases))
      }
    }

    it('answers 405 with Allow to every method a path does not know, and writes nothing', async () => {
      const rows = await dumpRows(server.app.database)
      for (const path of new Set(routes.map((place) => place.path))) {
        const here = routes.filter((place) => place.path === path)
        const known = new Set<string>(here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
        for (const method of methods) {
          if (known.has(method)) continue
          const what = `${method} ${path}`
          const answer = await send(server.address, { method, path: pathOf(here[0]!) })
          assert.equal(answer.status, 405, what)
          assert.deepEqual(new Set(answer.headers.allow?.split(', ')), known, `Allow of ${what}`)
          if (method === 'HEAD') continue
          assert.equal(assertProblem(answer, what), 'method_not_allowed', what)
        }
        for (const method of ['FOO', 'get', 'GE T', 'CONNECTX']) {
          const answer = await send(server.address, { method, path: pathOf(here[0]!) })
          assert.equal(answer.status, 400, `${method} ${path}`)
        }
      }
      assert.equal(await dumpRows(server.app.database), rows)
    })

    for (const place of routes.filter(({ route }) => !route.body || route.bodyOptional)) {
      const { method, path, route } = place
      // A query that no route knows stops whoever comes as far as being read, so that nothing happens to anybody.
      it(`${method} ${path} takes an empty object for no body`, async () => {
        for (const { name, headers, body } of nothings) {
          const request = { method, path: `${pathOf(place)}?unknown=1`, headers, ...(body !== undefined && { body }) }
          const answer = await send(server.address, authorized(route, request))
          const { code, errors } = JSON.parse(answer.text)
          assert.equal(code, refusalOf(place), `${name}: ${answer.text}`)
          const refused = (errors as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer)
          // Pages take what others hang on their links, and stop as their token is missing.
          const stop = route.errorPage ? '/query/token' : '/query/unknown'
          assert.ok(refused?.includes(stop), `${name}: ${answer.text}`)
        }
      })
    }

    it('reads the next request on a connection behind an empty object', async () => {
      const get = (more: string) => `GET /health/live HTTP/1.1\r\nHost: a\r\n${more}\r\n`
      const withBody = get('Content-Type: application/json\r\nContent-Length: 2\r\n')
      const parts = [`${withBody}{`, `}${withBody}{}`, get('Connection: close\r\n')]
      const answers = await exchange(server.address, parts)
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200],
      )
    })

    it('answers HEAD as GET, without a body', async () => {
      // A stream has no end to compare; that its headers can be asked for is shown in revocations/stream.test.ts.
      const ends = ({ route }: Place) => route.answers[200]?.contentType?.startsWith('text/event-stream') !== true
      for (const place of routes.filter((each) => each.method === 'GET' && ends(each))) {
        const request = authorized(place.route, { path: pathOf(place) })
        const [get, head] = [
          await send(server.address, { ...request, method: 'GET' }),
          await send(server.address, { ...request, method: 'HEAD' }),
        ]
        assert.equal(head.status, get.status, place.path)
        assert.equal(head.headers['content-type'], get.headers['content-type'], place.path)
        assert.equal(head.headers['content-length'], get.headers['content-length'], place.path)
      }
    })

    it('names the field, the reason and the remedy in every refused field', async () => {
      const refusedBy = async (method: Method, path: string, body: string): Promise<WireAnswer> =>
        send(server.address, { method, path, headers: [json], body })
      const answer = await refusedBy('POST', '/v1/auth/register', '{"email":7,"nmae":"x","locale":"English!"}')
      const { errors } = JSON.parse(answer.text)
      const found = new Map(errors.map((error: { pointer: string; code: string }) => [error.pointer, error.code]))
      assert.equal(found.get('/email'), 'type')
      assert.equal(found.get('/password'), 'required')
      assert.equal(found.get('/nmae'), 'unknown_field')
      assert.equal(found.get('/locale'), 'pattern')
      for (const error of errors) assert.ok(error.detail.length > 10, JSON.stringify(error))
    })

    it('lists at most twenty refused fields, however many there were', async () => {
      const body = `{${Array.from({ length: 5000 }, (_, index) => `"f${index}":1`).join(',')}}`
      const request = { method: 'POST', path: '/v1/auth/login', headers: [json], body }
      const answer = await send(server.address, request)
      assert.equal(JSON.parse(answer.text).errors.length, 20)
      assert.ok(answer.text.length < 8000, `${answer.text.length} bytes`)
    })

    it('leaves every object as it was after a body that names __proto__', () => {
      assert.equal(({} as { admin?: unknown }).admin, undefined)
    })

    it('declares on every route that takes input what refused input is answered with', () => {
      for (const place of withBody) {
        const { path, route } = place
        for (const code of [
          'malformed_request',
          refusalOf(place),
          'payload_too_large',
          'unsupported_media_type',
        ] as const) {
          assert.ok(errorsOf(route).includes(code), `${path}: ${code}`)
        }
      }
    })
  })
})
