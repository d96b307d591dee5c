import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createServerClient, nodeCookies, noStore, webCookies } from '../src/server/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { ada } from './support/setup.ts'

const auth = mockAuthServer()
auth.addUser(ada)
const settings = { baseUrl: auth.issuer, secret: 'a secret of thirty-two characters', fetch: auth.fetch, secure: false }
const publicly = 'public, max-age=3600'

type Site = { address: string; close(): unknown }
const listening = async (server: Server): Promise<Site> => {
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** Sites that want every answer cached, and set a cookie of their own, after the session was written. */
const sites: Record<string, () => Promise<Site>> = {
  'node:http': async () => {
    const server = createServer(async (request, response) => {
      const client = createServerClient({ ...settings, ...nodeCookies(request, response) })
      if (request.url === '/login') await client.login(ada)
      if (request.url === '/logout') await client.logout()
      response.setHeader('cache-control', publicly)
      response.writeHead(200, 'OK', ['Cache-Control', publicly, 'Set-Cookie', 'a=b', 'Set-Cookie', 'theme=dark'])
      response.end('fine')
    })
    return listening(server.listen(0, '127.0.0.1'))
  },
  'node:http, with an object of headers': async () => {
    const server = createServer(async (request, response) => {
      const client = createServerClient({ ...settings, ...nodeCookies(request, response) })
      if (request.url === '/login') await client.login(ada)
      if (request.url === '/logout') await client.logout()
      response.writeHead(200, { 'Cache-Control': publicly, 'Set-Cookie': 'theme=dark' }).end('fine')
    })
    return listening(server.listen(0, '127.0.0.1'))
  },
  Express: async () => {
    const app = express()
    app.get('/{*any}', async (request, response) => {
      const client = createServerClient({ ...settings, ...nodeCookies(request, response) })
      if (request.path === '/login') await client.login(ada)
      if (request.path === '/logout') await client.logout()
      response.set('set-cookie', 'theme=dark')
      response.set('cache-control', publicly).send('fine')
    })
    return listening(app.listen(0, '127.0.0.1'))
  },
  Fastify: async () => {
    const app = fastify()
    app.get('/*', async (request, reply) => {
      const client = createServerClient({ ...settings, ...nodeCookies(request.raw, reply.raw) })
      if (request.url === '/login') await client.login(ada)
      if (request.url === '/logout') await client.logout()
      reply.header('set-cookie', 'theme=dark')
      reply.header('cache-control', publicly)
      return 'fine'
    })
    return { address: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  Hono: async () => {
    const app = new Hono()
    app.use(async (context, next) => {
      await next()
      context.res = noStore(context.res)
    })
    app.get('/*', async (context) => {
      const client = createServerClient({ ...settings, ...webCookies(context.req.raw, context.res.headers) })
      if (context.req.path === '/login') await client.login(ada)
      if (context.req.path === '/logout') await client.logout()
      context.header('set-cookie', 'theme=dark', { append: true })
      return context.text('fine', 200, { 'cache-control': publicly })
    })
    return overHttp((request) => app.fetch(request))
  },
  'Hono, without a last step': async () => {
    const app = new Hono()
    app.get('/*', async (context) => {
      const client = createServerClient({ ...settings, ...webCookies(context.req.raw, context.res.headers) })
      if (context.req.path === '/login') await client.login(ada)
      if (context.req.path === '/logout') await client.logout()
      context.header('set-cookie', 'theme=dark', { append: true })
      context.header('cache-control', publicly)
      return context.text('fine')
    })
    return overHttp((request) => app.fetch(request))
  },
}

function overHttp(answer: (request: Request) => Response | Promise<Response>): Promise<Site> {
  const server = createServer(async (request, response) => {
    const { headers } = request
    const cookie = headers.cookie ?? ''
    const { status, headers: said, body } = await answer(new Request(`http://x${request.url}`, { headers: { cookie } }))
    response.statusCode = status
    response.setHeaders(said)
    response.end(await new Response(body).text())
  })
  return listening(server.listen(0, '127.0.0.1'))
}

describe.each(Object.entries(sites))('a site in %s that lets its answers be cached', (_name, start) => {
  it('has none cached that carries the session, or takes it away, and loses no cookie', async () => {
    const site = await start()
    try {
      let cookie = ''
      const visit = async (path: string) => {
        const answer = await fetch(site.address + path, { headers: { cookie } })
        expect([answer.status, await answer.text()]).toEqual([200, 'fine'])
        const cookies = answer.headers.getSetCookie()
        const ours = cookies.filter((each) => each.startsWith('ntt-auth-session='))
        expect(cookies).toContain('theme=dark')
        if (ours[0]) cookie = ours[0].split(';')[0]!
        return [ours.length, answer.headers.get('cache-control')]
      }
      expect(await visit('/login')).toEqual([1, 'private, no-store'])
      expect(cookie).toMatch(/=./)
      // Nothing was looked at: such an answer is the site's own.
      expect(await visit('/')).toEqual([0, publicly])
      expect(await visit('/logout')).toEqual([1, 'private, no-store'])
      expect(cookie).toBe('ntt-auth-session=')
    } finally {
      await site.close()
    }
  })
})
