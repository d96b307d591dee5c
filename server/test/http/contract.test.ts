import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { Type } from 'typebox'
import { AppError, catalogue, type ErrorCode, endReasons } from '../../src/errors.ts'
import { errorsOf, route, scopeOf } from '../../src/http/route.ts'
import { routes } from '../../src/http/routes.ts'
import { createServer } from '../../src/http/server.ts'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { assertProblem } from './promises.ts'
import { send } from './wire.ts'

// biome-ignore lint/suspicious/noExplicitAny: a document is read member by member
type Json = any

const fileOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const committed: Json = JSON.parse(readFileSync(fileOf('contract/openapi.json'), 'utf8'))
const operations = Object.entries<Json>(committed.paths).flatMap(([path, methods]) =>
  Object.entries<Json>(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
)

describe('the contract', () => {
  it('is up to date: openapi.json, errors.json and the page about errors', () => {
    const script = fileOf('server/scripts/generate-contract.ts')
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  })

  it('is a valid OpenAPI 3.1 document', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(committed))
    assert.deepEqual({ valid, errors }, { valid: true, errors: undefined })
    assert.match(committed.openapi, /^3\.1\./)
    assert.deepEqual(committed.servers, [{ url: 'https://auth.example.com' }])
  })

  it('holds every route, by method and path, and nothing else', () => {
    const expected = routes.map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    assert.deepEqual(operations.map(({ name }) => name).sort(), expected.sort())
    assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  })

  it('holds every answer that a route declares, success and error', () => {
    for (const { method, path, route } of routes) {
      const template = path.replaceAll(/:(\w+)/g, '{$1}')
      const { responses } = committed.paths[template][method.toLowerCase()]
      for (const status of Object.keys(route.answers)) assert.ok(responses[status], `${method} ${path} ${status}`)
      for (const code of errorsOf(route)) {
        const response = responses[catalogue[code].status]
        assert.ok(response['x-codes'].includes(code), `${method} ${path} ${code}`)
        assert.ok(response.description.includes(`${code}: `), `${method} ${path} ${code}`)
      }
    }
  })

  it('gives an example of every body and every answer in JSON, and each fits its schema', () => {
    const ajv = new Ajv({ strict: false, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } })
    ajv.addSchema({ $id: 'contract', components: committed.components })
    const check = (what: string, content: Json) => {
      for (const [type, { schema, example }] of Object.entries<Json>(content ?? {})) {
        if (type === 'text/html' || what.endsWith('/openapi.json 200')) continue
        assert.notEqual(example, undefined, `${what} has no example of ${type}`)
        const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"contract#/components'))
        const isValid = ajv.compile(local)
        assert.ok(isValid(example), `${what}: ${JSON.stringify(isValid.errors)}`)
      }
    }
    for (const { name, operation } of operations) {
      check(`${name} body`, operation.requestBody?.content)
      for (const [status, { content }] of Object.entries<Json>(operation.responses)) check(`${name} ${status}`, content)
      for (const { name: parameter, example, schema } of operation.parameters ?? []) {
        if (example !== undefined) assert.match(example, new RegExp(schema.pattern), parameter)
      }
    }
  })

  it('describes every route, parameter and request field for a reader', () => {
    for (const { name, operation } of operations) {
      assert.ok(operation.summary.length > 3, name)
      for (const parameter of operation.parameters ?? []) {
        assert.ok(parameter.description ?? parameter.schema.description, `${name} ${parameter.name}`)
      }
    }
  })

  it('tells which routes need which credential', () => {
    for (const { name, operation } of operations) {
      const who = operation['x-who']
      const schemes = [
        ...(who === 'user' || who === 'admin' ? ['access_token'] : []),
        ...(who === 'service' || operation['x-scope'] ? ['service'] : []),
      ]
      assert.deepEqual(
        operation.security,
        schemes.map((scheme) => ({ [scheme]: [] })),
        name,
      )
      for (const scheme of schemes) assert.ok(committed.components.securitySchemes[scheme], scheme)
    }
    for (const { method, path, route } of routes) {
      const operation = committed.paths[path.replaceAll(/:(\w+)/g, '{$1}')][method.toLowerCase()]
      assert.equal(operation['x-scope'], scopeOf(route), `${method} ${path}`)
    }
  })

  it('lists every error with status, meaning and remedy, and every reason why a session ends', () => {
    const contract: Json = JSON.parse(readFileSync(fileOf('contract/errors.json'), 'utf8'))
    assert.deepEqual(
      contract.errors.map(({ code }: Json) => code),
      Object.keys(catalogue),
    )
    for (const error of contract.errors) {
      const entry = catalogue[error.code as ErrorCode] as { retryable?: boolean; status: number }
      assert.equal(error.status, entry.status)
      assert.equal(error.retryable, entry.retryable ?? false)
      assert.equal(error.session_ended, error.code === 'session_ended')
      assert.ok(error.title && error.remedy)
    }
    assert.deepEqual(contract.end_reasons, endReasons)
  })

  it('has no error that nothing declares', () => {
    const declared = new Set(routes.flatMap(({ route }) => errorsOf(route)))
    const beforeRoutes = ['not_found', 'method_not_allowed']
    // Nobody needs a fresh login yet; the guard that asks for it is proved in callers.test.ts.
    const ahead = ['reauthentication_required']
    for (const code of Object.keys(catalogue) as ErrorCode[]) {
      assert.ok(declared.has(code) || beforeRoutes.includes(code) || ahead.includes(code), code)
    }
  })
})

describe('the pages', () => {
  let server: TestServer
  let drop: () => Promise<void>
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url)
  })
  after(async () => {
    await server.close()
    await drop()
  })

  it('serves the committed document, under its own address', async () => {
    const { body } = await server.call('GET', '/openapi.json')
    assert.deepEqual(body, { ...committed, servers: [{ url: server.app.config.publicUrl }] })
  })

  function assertPlain(html: string, policy: string, what: string) {
    assert.doesNotMatch(html, /<(script|img|iframe|object|embed|form|link|base|svg)\b/i, what)
    assert.doesNotMatch(html, /\son\w+=|javascript:|@import|url\(/i, what)
    for (const [, target] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
      assert.match(target!, /^[/#]/, `${what} refers to ${target}`)
    }
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'/, what)
    assert.match(html, /^<!doctype html>\n<html lang="en">/, what)
    assert.match(html, /<title>[^<]+<\/title>/, what)
    assert.match(html, /<main>/, what)
  }

  it('shows every route on /docs, with nothing from elsewhere and no script', async () => {
    const { text, headers, status } = await server.call('GET', '/docs')
    assert.equal(status, 200)
    assertPlain(text, headers.get('content-security-policy')!, '/docs')
    for (const { name, operation } of operations) {
      const [method, path] = name.split(' ')
      assert.ok(text.includes(`<article id="${operation.operationId}">`), name)
      assert.ok(text.includes(`href="#${operation.operationId}"`), `${name} in the contents`)
      assert.ok(text.includes(`<span class="method">${method!.toUpperCase()}</span> <code>${path}</code>`), name)
      assert.ok(text.includes(operation.summary), name)
    }
  })

  it('has headings in order, one of them the first, and links that lead somewhere', async () => {
    const { text } = await server.call('GET', '/docs')
    const levels = [...text.matchAll(/<h([1-6])[ >]/g)].map(([, level]) => Number(level))
    assert.equal(levels[0], 1)
    assert.equal(levels.filter((level) => level === 1).length, 1)
    for (const [index, level] of levels.entries()) {
      if (index > 0) assert.ok(level <= levels[index - 1]! + 1, `h${levels[index - 1]} is followed by h${level}`)
    }
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!)
    assert.equal(new Set(ids).size, ids.length)
    for (const target of new Set([...text.matchAll(/href="([^"]+)"/g)].map(([, href]) => href!))) {
      if (target.startsWith('#')) assert.ok(ids.includes(target.slice(1)), target)
      else assert.equal((await server.call('GET', target)).status, 200, target)
    }
    for (const [row] of text.matchAll(/<th[^>]*>/g)) if (row !== '<thead>') assert.match(row, /scope=/, row)
  })

  it('has a page about every error, where the errors themselves point', async () => {
    for (const [code, { title, remedy }] of Object.entries(catalogue)) {
      const { status, text, headers } = await server.call('GET', `/docs/errors/${code}`)
      assert.equal(status, 200, code)
      assertPlain(text, headers.get('content-security-policy')!, code)
      const read = text
        .replaceAll('&quot;', '"')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&')
      assert.ok(read.includes(title) && read.includes(remedy), code)
    }
    for (const code of ['nothing', 'constructor', '__proto__', 'toString']) {
      assert.equal((await server.call('GET', `/docs/errors/${code}`)).body.code, 'not_found', code)
    }
  })

  it('escapes what could be markup', async () => {
    const { escapeHtml } = await import('../../src/http/documentation.ts')
    assert.equal(escapeHtml('<a href="x">&</a>'), '&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;')
  })
})

describe('an answer that was not declared', () => {
  let server: TestServer
  let drop: () => Promise<void>
  let address: string
  let close: () => Promise<void>

  const declared = Type.Object({ name: Type.String() })
  const odd = (handle: () => Json) =>
    route({
      summary: 'Odd',
      tag: 'Health',
      who: 'anyone',
      answers: { 200: { description: 'Fine.', schema: declared } },
      errors: ['not_found'],
      handle,
    })
  const throwing = (error: unknown) =>
    odd(() => {
      throw error
    })
  const odds = {
    '/status': odd(() => ({ status: 201, body: { name: 'x' } })),
    '/error': throwing(new AppError('email_taken')),
    '/declared': throwing(new AppError('not_found')),
    '/crash': throwing(new TypeError('the secret inside')),
    '/text': throwing('a text with a secret'),
    '/nothing': throwing(undefined),
    '/shape': odd(() => ({ status: 200, body: {} })),
    '/more': odd(() => ({ status: 200, body: { name: 'x', password_hash: 'the secret inside' } })),
  }
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url, { expectErrors: true })
    const places = Object.entries(odds).map(([path, route]) => ({ method: 'GET' as const, path, route }))
    const listener = await createServer(server.app, places)
    await listener.listen({ host: '127.0.0.1', port: 0 })
    address = `http://127.0.0.1:${(listener.server.address() as AddressInfo).port}`
    close = () => listener.close()
  })
  after(async () => {
    await close()
    await server.close()
    await drop()
  })

  for (const path of ['/status', '/error', '/crash', '/text', '/nothing', '/shape']) {
    it(`becomes 500 internal_error, says nothing of its inside and is logged: ${path}`, async () => {
      const answer = await send(address, { path })
      assert.equal(assertProblem(answer, path), 'internal_error')
      assert.doesNotMatch(answer.text, /secret|email_taken|TypeError|declare|at /)
      const id = answer.headers['x-request-id']
      assert.ok(
        server.log.some(
          ({ request_id, level, msg }) => request_id === id && level === 'error' && msg === 'internal error',
        ),
      )
    })
  }

  it('is told from a declared error, which passes', async () => {
    assert.equal(assertProblem(await send(address, { path: '/declared' }), '/declared'), 'not_found')
  })

  it('leaves out members that the schema does not name', async () => {
    const answer = await send(address, { path: '/more' })
    assert.equal(answer.text, '{"name":"x"}')
  })
})
