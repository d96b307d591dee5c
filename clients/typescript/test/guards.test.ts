import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { authOf as authOfExpress, requireAuth as expressAuth } from '../src/guards/express.ts'
import { authOf, requireAuth as fastifyAuth } from '../src/guards/fastify.ts'
import { type AuthEnv, requireAuth as honoAuth } from '../src/guards/hono.ts'
import { judge } from '../src/guards/judge.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { createVerifier, TokenRefusedError, type Verifier } from '../src/verify/index.ts'

type Service = { get(path: string, authorization?: string): Promise<Response>; close(): void }

const services: Record<string, (verifier: Verifier) => Promise<Service>> = {
  async express(verifier) {
    const app = express()
    app.get('/notes', expressAuth(verifier), (request, response) => {
      response.send(`The notes of ${authOfExpress(request).userId}.`)
    })
    app.get('/admin', expressAuth(verifier, { roles: ['admin'] }), (_request, response) => void response.send('fine'))
    app.get('/fresh', expressAuth(verifier, { freshWithin: 60 }), (_request, response) => void response.send('fine'))
    app.use(
      (_error: unknown, _request: unknown, response: express.Response, _next: unknown) =>
        void response.status(500).end(),
    )
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      get: (path, authorization) =>
        fetch(`http://127.0.0.1:${port}${path}`, authorization ? { headers: { authorization } } : {}),
      close() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
  async fastify(verifier) {
    const app = fastify()
    app.get(
      '/notes',
      { preHandler: fastifyAuth(verifier) },
      async (request) => `The notes of ${authOf(request).userId}.`,
    )
    app.get('/admin', { preHandler: fastifyAuth(verifier, { roles: ['admin'] }) }, async () => 'fine')
    app.get('/fresh', { preHandler: fastifyAuth(verifier, { freshWithin: 60 }) }, async () => 'fine')
    return {
      async get(url, authorization) {
        const { statusCode, headers, body } = await app.inject({ url, headers: authorization ? { authorization } : {} })
        return new Response(body, { status: statusCode, headers: headers as Record<string, string> })
      },
      close: () => void app.close(),
    }
  },
  async hono(verifier) {
    const app = new Hono<AuthEnv>()
    app.onError((_error, context) => context.text('', 500))
    app.use('/notes', honoAuth(verifier))
    app.get('/notes', (context) => context.text(`The notes of ${context.var.auth.userId}.`))
    app.get('/admin', honoAuth(verifier, { roles: ['admin'] }), (context) => context.text('fine'))
    app.get('/fresh', honoAuth(verifier, { freshWithin: 60 }), (context) => context.text('fine'))
    return {
      get: async (path, authorization) => app.request(path, authorization ? { headers: { authorization } } : {}),
      close: () => undefined,
    }
  },
}

describe.each(Object.entries(services))('a service in %s', (_name, start) => {
  it('answers for its caller, and has an answer for everybody else', async () => {
    const auth = mockAuthServer()
    const verifier = createVerifier({ issuer: auth.issuer, revocation: 'none', fetch: auth.fetch })
    const service = await start(verifier)
    const bearer = async (claims: object = {}) =>
      `Bearer ${await auth.tokens.sign({ sub: 'ada', sid: 's', ...claims })}`
    try {
      const good = await service.get('/notes', await bearer())
      expect([good.status, await good.text()]).toEqual([200, 'The notes of ada.'])
      const hourAgo = Math.floor(Date.now() / 1000) - 3600
      const cases: [string, string | undefined, number, string, string | null][] = [
        ['/notes', undefined, 401, 'unauthenticated', 'Bearer'],
        ['/notes', 'Basic eDp5', 401, 'invalid_token', 'Bearer error="invalid_token"'],
        ['/notes', 'Bearer rubbish', 401, 'invalid_token', 'Bearer error="invalid_token"'],
        [
          '/notes',
          await bearer({ exp: hourAgo, iat: hourAgo - 1 }),
          401,
          'token_expired',
          'Bearer error="invalid_token"',
        ],
        ['/admin', await bearer(), 403, 'forbidden', null],
        ['/fresh', await bearer({ auth_time: hourAgo }), 403, 'reauthentication_required', null],
      ]
      for (const [path, authorization, status, code, challenge] of cases) {
        const answer = await service.get(path, authorization)
        expect([code, answer.status, answer.headers.get('www-authenticate')]).toEqual([code, status, challenge])
        expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
        expect(await answer.json()).toMatchObject({ code, status })
      }
      expect((await service.get('/admin', await bearer({ roles: ['admin'] }))).status).toBe(200)
      expect((await service.get('/fresh', await bearer())).status).toBe(200)
    } finally {
      service.close()
    }
  })

  it('answers 503, not 401, when it cannot tell, and 500 when the verifier itself breaks', async () => {
    const auth = mockAuthServer()
    auth.always({ do: 'lose_request' })
    const blind = await start(createVerifier({ issuer: auth.issuer, revocation: 'none', fetch: auth.fetch }))
    const token = `Bearer ${await auth.tokens.sign({ sub: 'ada', sid: 's' })}`
    const answer = await blind.get('/notes', token)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    blind.close()
    const broken = { verify: () => Promise.reject(new Error('A bug.')) } as unknown as Verifier
    const service = await start(broken)
    // Also where the handler does not ask who calls.
    for (const path of ['/notes', '/admin', '/fresh']) expect((await service.get(path, token)).status).toBe(500)
    service.close()
  })
})

it('a route without a guard is told so', () => {
  expect(() => authOf({})).toThrow(/no requireAuth/)
  expect(() => authOfExpress({})).toThrow(/no requireAuth/)
})

describe('a guard', () => {
  const never = {} as Verifier
  const refusing = () => {
    const auth = mockAuthServer()
    return createVerifier({ issuer: auth.issuer, revocation: 'none', fetch: auth.fetch })
  }
  const headers = { authorization: 'Bearer rubbish' }

  it.each([
    ['express', expressAuth],
    ['fastify', fastifyAuth],
    ['hono', honoAuth],
  ])('of %s takes nothing that it does not understand', (_name, requireAuth) => {
    const verifier = refusing()
    expect(() => requireAuth(undefined as never)).toThrow(/what createVerifier made/)
    expect(() => requireAuth(never)).toThrow(/what createVerifier made/)
    expect(() => requireAuth(verifier, { freshWithin: Number.NaN })).toThrow(/"freshWithin" must/)
    expect(() => requireAuth(verifier, { freshWithin: '60' as never })).toThrow(/"freshWithin" must/)
    expect(() => requireAuth(verifier, { roles: 'admin' as never })).toThrow(/"roles" must/)
    expect(() => requireAuth(verifier, { roles: [undefined as never] })).toThrow(/"roles" must/)
    expect(() => requireAuth(verifier, { role: 'admin' } as never)).toThrow(
      /requireAuth has no option "role"; there are: roles, freshWithin\./,
    )
    expect(() => requireAuth(verifier, { freshWithin: -1 })).toThrow(/must be a number of seconds. It is -1\./)
    expect(() => requireAuth(verifier, { roles: 'admin' as never })).toThrow(
      /must be a list of names. It is another text/,
    )
    expect(() => requireAuth(verifier, null as never)).toThrow(/requireAuth needs an object of options/)
    expect(() => requireAuth(verifier, 'admin' as never)).toThrow(/requireAuth needs an object of options/)
  })

  it('of express goes no further after a refusal, and answers once', async () => {
    const answers: unknown[] = []
    let went = 0
    const response = {
      getHeader: () => undefined,
      writeHead: (status: number) => {
        answers.push(status)
        return { end: () => undefined }
      },
    }
    await expressAuth(refusing())({ headers }, response, () => {
      went++
    })
    expect([answers, went]).toEqual([[401], 0])
  })

  it('of fastify gives back its answer, so that no handler runs', async () => {
    let answered = 0
    const reply: Record<string, unknown> = {
      getHeader: () => undefined,
      code: () => reply,
      headers: () => reply,
      send: () => {
        answered++
        return reply
      },
    }
    expect(await fastifyAuth(refusing())({ headers }, reply)).toBe(reply)
    expect(answered).toBe(1)
  })

  it('of hono waits for what comes after it', async () => {
    const auth = mockAuthServer()
    const verifier = createVerifier({ issuer: auth.issuer, revocation: 'none', fetch: auth.fetch })
    const token = await auth.tokens.sign({ sub: 'ada', sid: 's' })
    const context = { req: { header: () => `Bearer ${token}` }, set: () => undefined }
    let done = false
    await honoAuth(verifier)(context, async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      done = true
    })
    expect(done).toBe(true)
    await expect(honoAuth(verifier)(context, () => Promise.reject(new Error('A bug.')))).rejects.toThrow('A bug.')
  })

  it('tells pages of other origins what their client needs, beside what the service tells them', async () => {
    const app = express()
    app.use((_request, response, next) => {
      response.setHeader('access-control-expose-headers', 'X-Total')
      next()
    })
    app.get('/notes', expressAuth(refusing()), (_request, response) => void response.send('fine'))
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/notes`, { headers })
    expect(answer.headers.get('access-control-expose-headers')).toBe('X-Total, WWW-Authenticate, Retry-After')
    server.close()
    server.closeAllConnections()

    const other = fastify()
    other.addHook('onRequest', async (_request, reply) => void reply.header('access-control-expose-headers', 'X-Total'))
    other.get('/notes', { preHandler: fastifyAuth(refusing()) }, async () => 'fine')
    const { headers: told } = await other.inject({ url: '/notes', headers })
    expect(told['access-control-expose-headers']).toBe('X-Total, WWW-Authenticate, Retry-After')
    await other.close()

    const third = new Hono()
    third.use('/notes', honoAuth(refusing()))
    const { headers: said } = await third.request('/notes', { headers })
    expect(said.get('access-control-expose-headers')).toBe('WWW-Authenticate, Retry-After')
  })
})

describe('the verdict of every guard', () => {
  const claims = { sub: 'ada', sid: 's', roles: [], auth_time: Math.floor(Date.now() / 1000) - 30 }
  const believing = { verify: async () => claims } as unknown as Verifier
  const refusing = { verify: () => Promise.reject(new TokenRefusedError('revoked')) } as unknown as Verifier
  const refusalOf = async (...given: Parameters<typeof judge>) => {
    const verdict = await judge(...given)
    return 'refusal' in verdict ? { ...verdict.refusal, body: JSON.parse(verdict.refusal.body) } : null
  }

  it.each(['Negotiate Bearer good', 'Bearer good bad', 'Bearergood', 'Bearer ', ' Bearer good'])(
    'takes no token out of "%s"',
    async (authorization) => {
      expect(await refusalOf(believing, authorization, {})).toMatchObject({
        status: 401,
        body: { code: 'invalid_token' },
      })
    },
  )

  it('on an empty header is that none was sent', async () => {
    expect(await refusalOf(believing, '', {})).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  it('takes zero seconds for a wish, and not for none', async () => {
    expect(await refusalOf(believing, 'Bearer good', {})).toBeNull()
    expect(await refusalOf(believing, 'Bearer good', { freshWithin: 0 })).toMatchObject({
      status: 403,
      body: { code: 'reauthentication_required' },
    })
  })

  it('is kept by no cache, and ends no session: only the server does', async () => {
    expect(await refusalOf(refusing, 'Bearer good', {})).toMatchObject({
      status: 401,
      headers: { 'cache-control': 'no-store' },
      body: { code: 'token_revoked', session_ended: false },
    })
  })
})
