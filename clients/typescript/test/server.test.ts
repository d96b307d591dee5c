import { once } from 'node:events'
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import {
  createServerClient,
  nodeCookies,
  noStore,
  type ServerClient,
  type ServerClientOptions,
  webCookies,
} from '../src/server/index.ts'
import { type MockServerOptions, mockAuthServer, virtualClock } from '../src/testing/index.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, eventually, gate, refreshKeys, refreshPath } from './support/setup.ts'

const secret = 'a secret of thirty-two characters'
const hour = 3_600_000
const cookieName = '__Host-ntt-auth-session'

/** A browser that talks to a site which renders on its server. */
function site(options: Partial<ServerClientOptions> = {}, mock: MockServerOptions = {}) {
  const clock = virtualClock()
  const server = mockAuthServer({ clock, ...mock })
  server.addUser(ada)
  const jar: { value?: string | undefined } = {}
  /** One request to the site; `keep` says whether the browser gets its answer. */
  const request = (more: Partial<ServerClientOptions> = {}) => {
    const answer = new Headers()
    const asked = new Request(
      'https://app.test/',
      jar.value ? { headers: { cookie: `a=b; ${cookieName}=${jar.value}` } } : {},
    )
    const client = createServerClient({
      baseUrl: server.issuer,
      secret,
      fetch: server.fetch,
      clock,
      ...webCookies(asked, answer),
      ...options,
      ...more,
    })
    const keep = () => {
      for (const each of answer.getSetCookie()) jar.value = /=([^;]*)/.exec(each)![1] || undefined
    }
    return { client, answer, keep }
  }
  const login = async () => {
    const { client, keep } = request()
    await client.login(ada)
    keep()
  }
  return { clock, server, jar, request, login }
}

describe('the cookies of an answer', () => {
  const attributes = { path: '/', httpOnly: true, secure: true, sameSite: 'lax', maxAge: 9 } as const

  it('hold ours once, as it was written last, beside those of the application', () => {
    const headers = new Headers([
      ['set-cookie', 'theme=dark'],
      ['set-cookie', 'lang=en; Path=/'],
    ])
    const { cookies } = webCookies(new Request('https://app.test/'), headers)
    cookies.set!(cookieName, 'one', attributes)
    cookies.set!(cookieName, 'two', attributes)
    expect(headers.getSetCookie()).toEqual([
      'theme=dark',
      'lang=en; Path=/',
      `${cookieName}=two; Max-Age=9; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  it('are read by their whole name: no other host of the site can slip one in', () => {
    const cookie = `x${cookieName}=bad; ${cookieName}x=bad;  ${cookieName}=good; ${cookieName}=late`
    const web = webCookies(new Request('https://app.test/', { headers: { cookie } }), new Headers())
    const node = nodeCookies({ headers: { cookie } }, {} as never)
    for (const { cookies } of [web, node]) {
      expect(cookies.get(cookieName)).toBe('good')
      expect(cookies.get('good')).toBeUndefined()
    }
  })

  it('are all kept where the application gives its own at the last moment, one by one', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    nodeCookies({ headers: {} }, response).cookies.set!(cookieName, 'ours', attributes)
    response.writeHead(200, ['set-cookie', 'theme=dark', 'set-cookie', 'lang=en'])
    expect(response.getHeader('set-cookie')).toEqual([
      'theme=dark',
      'lang=en',
      expect.stringMatching(/^__Host-ntt-auth-session=ours; /),
    ])
  })

  it('keep an answer out of caches only where there are some', () => {
    const answer = new Response('public', { headers: { 'cache-control': 'public, max-age=60' } })
    expect(noStore(answer)).toBe(answer)
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
  })
})

describe('a page that is rendered on a server', () => {
  it('keeps the session in one cookie that nobody else can read', async () => {
    const { jar, request } = site()
    const { client, answer, keep } = request()
    await client.login(ada)
    const [cookie, ...others] = answer.getSetCookie()
    expect(others).toEqual([])
    expect(cookie).toMatch(/^__Host-ntt-auth-session=[\w-]+; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    keep()
    expect(jar.value!.length).toBeLessThan(3000)
    const bytes = Buffer.from(jar.value!, 'base64url').toString('latin1')
    expect(jar.value! + bytes).not.toMatch(/nttr_|eyJ|"rk"/)
    const next = request()
    expect((await next.client.getSession())!.userId).toBe((await client.getUser()).id)
    expect(next.answer.getSetCookie()).toEqual([])
  })

  it('is kept by no cache, whether it wrote or only looked', async () => {
    const { request, login } = site()
    await login()
    const { client, answer } = request()
    answer.set('vary', 'Accept-Encoding')
    await client.getSession()
    await client.getAccessToken()
    expect(answer.get('cache-control')).toBe('private, no-store')
    expect(answer.get('vary')).toBe('Accept-Encoding, Cookie')
  })

  it.each([
    ['X-Cookie-Consent', 'X-Cookie-Consent, Cookie'],
    ['accept, cookie', 'accept, cookie'],
    ['*', '*'],
  ])('adds the cookie to what the answer depends on, where it is not there yet: %s', async (before, after) => {
    const { request } = site()
    const { client, answer } = request()
    answer.set('vary', before)
    await client.getSession()
    expect(answer.get('vary')).toBe(after)
  })

  it('refreshes an expired token, and the next request has the new one', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    const first = request()
    const token = await first.client.getAccessToken()
    first.keep()
    const second = request()
    expect(await second.client.getAccessToken()).toBe(token)
    expect(second.answer.getSetCookie()).toEqual([])
    expect(server.count(refreshPath)).toBe(1)
  })

  it('refreshes what is due before it answers, so that the cookie can still be written', async () => {
    const { clock, request, login } = site()
    await login()
    await clock.advance(800_000)
    const { client, answer } = request()
    await client.getAccessToken()
    expect(answer.getSetCookie()).toHaveLength(1)
  })

  it('stays logged in through requests at once, whichever answer the browser keeps', async () => {
    const { clock, server, request, login } = site()
    await login()
    for (let round = 0; round < 4; round++) {
      await clock.advance(hour)
      const requests = Array.from({ length: 6 }, () => request())
      const tokens = await Promise.all(requests.map(({ client }) => client.getAccessToken()))
      expect(new Set(tokens).size).toBeLessThanOrEqual(6)
      requests[round]!.keep()
    }
    const { client } = request()
    expect(await code(client.refresh())).toBe('fine')
    expect(server.session((await client.getSession())!.id)!.ended).toBeNull()
  })

  it('two machines make the same key of the same token, also while a new secret is rolled out', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    const both = ['a newer secret, of thirty-two chars', secret]
    const [one, other] = [request(), request({ secret: both })]
    await one.client.refresh()
    await clock.advance(31_000)
    await other.client.refresh()
    one.keep()
    const next = request({ secret: both })
    other.keep()
    const late = request({ secret: both })
    await next.client.refresh()
    await clock.advance(31_000)
    expect(await code(late.client.refresh())).toBe('fine')
    const keys = refreshKeys(server)
    expect([keys[0] === keys[1], keys[1] === keys[2], keys[2] === keys[3]]).toEqual([true, false, true])
  })

  it('asks once for requests that come a moment late with the old cookie', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    const [first, late] = [request(), request()]
    const token = await first.client.getAccessToken()
    expect(await late.client.getAccessToken()).toBe(token)
    expect(server.count(refreshPath)).toBe(1)
  })

  it('counts a token from when it came, also for those who get it a moment late', async () => {
    const { clock, server, request, jar, login } = site({}, { accessTokenTtl: 60 })
    await login()
    const before = jar.value
    await clock.advance(61_000)
    const first = request()
    await first.client.getAccessToken()
    await clock.advance(29_000)
    const late = request()
    expect(jar.value).toBe(before)
    await late.client.getAccessToken()
    const expiry = ({ client }: typeof first) => client.state.session!.accessTokenExpiresAt.getTime()
    expect(expiry(late)).toBe(expiry(first))
    expect(server.count(refreshPath)).toBe(1)
    // The browser keeps what the first answer, and no other, has brought it.
    expect([first.answer.getSetCookie().length, late.answer.getSetCookie().length]).toEqual([1, 0])
    first.keep()
    await clock.advance(33_000)
    const token = await request().client.getAccessToken()
    expect((await server.tokens.read(token))!.exp * 1000).toBeGreaterThan(clock.wall())
  })

  it('counts a token that was long on its way from when it was asked for, for those who come later', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    const slow: typeof fetch = async (input, init) => {
      const answer = await server.fetch(input, init)
      if (String(input).endsWith(refreshPath)) await clock.advance(25_000)
      return answer
    }
    await request({ fetch: slow }).client.getAccessToken()
    await clock.advance(6000)
    // By now it is older than the half minute for which it is shared.
    await request().client.getAccessToken()
    expect(server.count(refreshPath)).toBe(2)
  })

  it('does not share what came at a time that is yet to come: a clock was set back', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    await request().client.getAccessToken()
    clock.setWall(clock.wall() - 60_000)
    await request().client.refresh()
    expect(server.count(refreshPath)).toBe(2)
  })

  it('writes what it gets for itself after it shared what another request got', async () => {
    const { clock, server, request, login } = site()
    await login()
    await clock.advance(hour)
    const [first, late] = [request(), request()]
    await first.client.getAccessToken()
    await late.client.getAccessToken()
    expect(late.answer.getSetCookie()).toEqual([])
    await late.client.refresh()
    expect(late.answer.getSetCookie()).toHaveLength(1)
    late.keep()
    expect((await request().client.getSession())!.generation).toBe(2)
    expect(server.count(refreshPath)).toBe(2)
  })

  it('says that the server could not be told of a logout: nothing outlives the request to tell it later', async () => {
    const { server, jar, request, login } = site()
    await login()
    server.always({ do: 'lose_request' })
    const { client, keep } = request()
    expect(await client.logout()).toEqual({ remote: 'failed' })
    keep()
    expect(jar.value).toBeUndefined()
  })

  it('hands out no token that is about to expire, however lately it came', async () => {
    const { clock, server, request, login } = site({}, { accessTokenTtl: 20 })
    await login()
    await clock.advance(21_000)
    await request().client.getAccessToken()
    await clock.advance(15_000)
    await request().client.getAccessToken()
    expect(server.count(refreshPath)).toBe(2)
  })

  it.each([
    ['a logout', (client: ServerClient) => client.logout()],
    ['a logout everywhere', (client: ServerClient) => client.logout({ scope: 'all' })],
    ['the end of the account', (client: ServerClient) => client.deleteAccount({ password: ada.password })],
  ])('is over with %s, also for a request that comes late with an old cookie', async (_what, leave) => {
    const { clock, jar, request, login } = site()
    await login()
    const old = jar.value
    await clock.advance(hour)
    const first = request()
    await first.client.getAccessToken()
    first.keep()
    const leaving = request()
    await leave(leaving.client)
    leaving.keep()
    expect(jar.value).toBeUndefined()
    await clock.advance(5000)
    jar.value = old
    const late = request()
    expect(await code(late.client.getAccessToken())).toBe('session_ended')
    late.keep()
    expect(jar.value).toBeUndefined()
  })

  it('is over with a logout everywhere in another browser, also for a request that comes late or is under way', async () => {
    const { clock, server, jar, request, login } = site()
    await login()
    const here = jar.value
    jar.value = undefined
    await login()
    const there = jar.value
    jar.value = undefined
    await login()
    const away = jar.value
    await clock.advance(hour)
    jar.value = there
    await request().client.getAccessToken()
    jar.value = away
    const [arrived, answered] = [gate(), gate()]
    const slow: typeof fetch = async (input, init) => {
      const answer = await server.fetch(input, init)
      arrived.open()
      await answered.until
      return answer
    }
    const slowly = request({ fetch: slow }).client.getAccessToken()
    await arrived.until
    jar.value = here
    await request().client.logout({ scope: 'all' })
    answered.open()
    await slowly
    for (const old of [there, away]) {
      jar.value = old
      expect(await code(request().client.getAccessToken())).toBe('session_ended')
    }
  })

  it('keeps what a login brought that came after a logout of everything', async () => {
    const { clock, jar, request, login } = site()
    await login()
    const leaving = request()
    await leaving.client.logout({ scope: 'all' })
    leaving.keep()
    await login()
    await clock.advance(5000)
    const again = request()
    for (let times = 0; times < 2; times++) await again.client.refresh()
    const before = jar.value
    again.keep()
    expect(jar.value).not.toBe(before)
    await clock.advance(hour)
    expect(await code(request().client.getAccessToken())).toBe('fine')
  })

  it.each(['this', 'all'] as const)('is over with a logout (%s) that overtakes a refresh', async (scope) => {
    const { clock, server, jar, request, login } = site()
    await login()
    const old = jar.value
    await clock.advance(hour)
    let arrived = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const { until, open } = gate()
    const slow: typeof fetch = async (input, init) => {
      const answer = await server.fetch(input, init)
      if (String(input).endsWith(refreshPath)) {
        arrived()
        await until
      }
      return answer
    }
    const late = request({ fetch: slow })
    const slowly = late.client.getAccessToken()
    await arrival
    const leaving = request()
    await leaving.client.logout({ scope })
    leaving.keep()
    open()
    await slowly
    late.keep()
    // The browser forgot it, and no late answer brings it back.
    expect(jar.value).toBeUndefined()
    jar.value = old
    expect(await code(request().client.getAccessToken())).toBe('session_ended')
  })

  it('leaves no session behind at the server that no cookie can hold', async () => {
    const { server, request } = site()
    const roles = Array.from({ length: 200 }, (_each, index) => `role-number-${index}`)
    const many = { email: 'many@example.com', password: ada.password }
    const user = server.addUser({ ...many, roles })
    await expect(request().client.login(many)).rejects.toThrow(/fewer roles/)
    const ended = server.requests.filter(({ path }) => path === '/v1/auth/logout').map(({ body }) => body)
    expect(ended).toHaveLength(1)
    expect(server.session(/nttr_(.+)_/.exec(String(ended[0]!.refresh_token))![1]!)!.ended).not.toBeNull()
    expect(user.roles).toHaveLength(200)
  })

  it.each([
    ['there is nothing to write with', { set: undefined }],
    ['the headers are sent', { canWrite: () => false }],
  ])('never refreshes where %s, and gives out a token that is still good', async (_why, lacking) => {
    const { clock, server, request, login, jar } = site()
    await login()
    const read = () => request({ cookies: { get: () => jar.value, set: () => fail(), ...lacking } as never }).client
    const fail = () => {
      throw new Error('It was written.')
    }
    await clock.advance(800_000)
    expect(await code(read().getAccessToken())).toBe('fine')
    await clock.advance(hour)
    await expect(read().getAccessToken()).rejects.toMatchObject({
      code: 'refresh_unavailable',
      message: expect.stringMatching(/No cookie can be written here/),
    })
    for (const change of [
      () => read().login(ada),
      () => read().logout(),
      () => read().changePassword({ current_password: ada.password, new_password: 'a quieter engine of silk' }),
      () => read().deleteAccount({ password: ada.password }),
    ]) {
      await expect(change()).rejects.toThrow(/no cookie can be written here/)
    }
    expect(server.requests.map(({ path }) => path)).toEqual(['/v1/auth/login'])
  })

  it('says so when the headers were sent while a login was under way', async () => {
    const { request } = site()
    let open = true
    const cookies = { get: () => undefined, set: () => undefined, canWrite: () => open }
    const { client } = request({ cookies })
    const login = client.login(ada)
    open = false
    await expect(login).rejects.toThrow(/the headers were sent/)
  })

  it('takes its cookie away once, before the server is told: an answer that has begun meanwhile is no mistake', async () => {
    const { jar, request, login, server } = site()
    await login()
    const set: string[] = []
    const cookies = {
      get: () => jar.value,
      set: (_name: string, value: string) => void set.push(value),
      canWrite: () => set.length === 0,
    }
    const { client } = request({ cookies })
    expect(await client.logout()).toEqual({ remote: 'done' })
    expect(set).toEqual([''])
    expect(server.count('/v1/auth/logout')).toBe(1)
  })

  it('ends with its cookie: by a logout, and when the server ended it', async () => {
    const { server, jar, request, login } = site()
    await login()
    const leaving = request()
    expect(await leaving.client.logout()).toEqual({ remote: 'done' })
    leaving.keep()
    expect(jar.value).toBeUndefined()
    await login()
    const { client, keep } = request()
    server.endSessions({ userId: (await client.getSession())!.userId })
    expect(await code(client.refresh())).toBe('session_ended')
    keep()
    expect(jar.value).toBeUndefined()
    expect(await request().client.getSession()).toBeNull()
  })

  it.each([1, 12])('outlives a request that is overtaken by two others, %i minutes apart', async (minutes) => {
    const { clock, server, request, login } = site()
    await login()
    const slow = request()
    for (let page = 0; page < 2; page++) {
      await clock.advance(minutes * 60_000)
      const { client, keep } = request()
      await client.refresh()
      keep()
    }
    const error = await slow.client.refresh().catch((each) => each)
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true, cause: { code: 'request_outlived' } })
    expect(slow.answer.getSetCookie()).toEqual([])
    expect(server.count('/v1/auth/logout')).toBe(0)
    // Ten minutes late it would look like a thief's, so it is not even sent.
    expect(server.count(refreshPath)).toBe(minutes === 1 ? 3 : 2)
    expect(await code(request().client.refresh())).toBe('fine')
  })

  it('tells the user from the next one', async () => {
    const { server, jar, request, login } = site()
    await login()
    const [ofAda, ofNobody] = [request(), request({ cookies: { get: () => undefined } })]
    expect(await ofNobody.client.getSession()).toBeNull()
    expect(await code(ofNobody.client.getAccessToken())).toBe('no_session')
    expect((await ofAda.client.getUser()).email).toBe(ada.email)
    server.addUser({ email: 'grace@example.com', password: 'a moth in the relay' })
    jar.value = undefined
    const { client } = request()
    expect((await client.login({ email: 'grace@example.com', password: 'a moth in the relay' })).user.email).toMatch(
      /grace/,
    )
    expect((await ofAda.client.getUser()).email).toBe(ada.email)
  })

  it('takes a cookie of somebody else’s making, or of another name, for none', async () => {
    const { jar, request, login } = site()
    await login()
    const { value } = jar
    const changed = value!.slice(0, -2) + (value!.endsWith('AA') ? 'BB' : 'AA')
    for (const broken of [changed, 'x', '', '%%%', 'A'.repeat(5000)]) {
      jar.value = broken
      expect(await request().client.getSession()).toBeNull()
    }
    jar.value = value
    expect(await request({ secret: 'another secret of thirty-two chars' }).client.getSession()).toBeNull()
    expect(await request({ cookies: { get: () => value }, cookieName: 'other' }).client.getSession()).toBeNull()
  })

  it('waits for no key that another request is making, which may go away with it', async () => {
    const { request } = site()
    const fresh = 'a secret that nobody has used before'
    const importing = jest.spyOn(crypto.subtle, 'importKey').mockImplementationOnce(() => new Promise(() => undefined))
    try {
      const gone = new AbortController()
      const first = code(request({ secret: fresh }).client.login(ada, { signal: gone.signal }))
      await eventually(() => importing.mock.calls.length === 1)
      expect(await code(request({ secret: fresh }).client.login(ada))).toBe('fine')
      gone.abort()
      expect(await first).toBe('aborted')
    } finally {
      importing.mockRestore()
    }
  })

  it('wants a secret that is worth the name', () => {
    const { request } = site()
    expect(() => request({ secret: 'short' })).toThrow(/32 characters/)
    expect(() => request({ secret: [] })).toThrow(/32 characters/)
    expect(() => request({ secret: undefined })).toThrow(/It is not given/)
  })

  it.each([
    [{ lock: 'none' }, /createServerClient has no option "lock"; there are: secret, cookies, headers, .*onError\./],
    [{ cookiename: 'x' }, /no option "cookiename"/],
    [{ cookieName: 'a b' }, /"cookieName" must be the name of a cookie. It is "a b"\./],
    [{ cookieName: '__Host-x', secure: false }, /no browser would keep __Host-x/],
    [{ secure: 'no' }, /"secure" must be true or false. It is another text\./],
    [{ secret: 'a hidden text' }, /32 characters or more, .* It is another text\./],
    [{ baseUrl: 'auth' }, /"baseUrl" must be a URL: .* It is another text\./],
    [{ timeoutMs: -1 }, /"timeoutMs" must be a number of milliseconds above 0. It is -1\./],
    [{ retry: { baseMs: Number.NaN } }, /"baseMs" must be a number of milliseconds above 0. It is NaN\./],
    [{ retry: { base: 5 } }, /"retry" has no option "base"; there are: baseMs, capMs, backgroundCapMs\./],
    [{ apiOrigins: 'https://api.test' }, /"apiOrigins" must be a list of URLs: .* It is another text\./],
    [{ clock: {} }, /"clock" must be an object with wall, monotonic, sleep. It is an object\./],
    [{ headers: { get: () => null } }, /"headers" must be those of the answer/],
    [{ cookies: { get: () => undefined, set: 5 }, headers: null }, /"cookies" must be those of this request/],
    [{ onError: null }, /"onError" must be a function. It is null\./],
  ])('takes nothing that it does not understand: %j', (wrong, message) => {
    const { server } = site()
    const cookies = { get: () => undefined }
    const make = () => createServerClient({ baseUrl: server.issuer, secret, cookies, ...wrong } as never)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'config_invalid' }) as never)
    expect(make).not.toThrow(/hidden/)
  })

  it('wants the cookies, and headers beside them or a word that none are needed', async () => {
    const { server } = site()
    const make = (more: object) => createServerClient({ baseUrl: server.issuer, secret, ...more } as never)
    const cookies = { get: () => undefined, set: () => undefined }
    expect(() => createServerClient(undefined as never)).toThrow(/"secret" must/)
    expect(() => make({})).toThrow(/"cookies" must/)
    expect(() => make({ cookies: {} })).toThrow(/"cookies" must/)
    expect(() => make({ cookies })).toThrow(/"headers" of the answer must be given/)
    expect(await make({ cookies, headers: null }).getSession()).toBeNull()
    expect(await make({ cookies: { get: () => undefined } }).getSession()).toBeNull()
  })
})

describe('a site of node:http with the real server', () => {
  let auth: RealServer
  let app: Server
  let address: string

  beforeAll(async () => {
    auth = await startServer()
    app = createServer(async (request, response) => {
      const client = createServerClient({
        baseUrl: auth.address,
        secret,
        secure: false,
        ...nodeCookies(request, response),
      })
      response.setHeader('set-cookie', 'theme=dark')
      try {
        if (request.url === '/register') await client.register(ada)
        if (request.url === '/refresh') await client.refresh()
        if (request.url === '/logout') await client.logout()
        if (request.url === '/late') {
          response.flushHeaders()
          await client.logout()
        }
        response.end(JSON.stringify(await client.getSession()))
      } catch (error) {
        response.end((error as Error).message)
      }
    }).listen(0, '127.0.0.1')
    await once(app, 'listening')
    address = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    app?.close()
    app?.closeAllConnections()
    await auth?.stop()
  })

  it('registers, refreshes and logs out by cookies alone', async () => {
    let cookie = ''
    const visit = async (path: string) => {
      const answer = await fetch(address + path, { headers: { cookie } })
      const [theme, ...ours] = answer.headers.getSetCookie()
      expect(theme).toBe('theme=dark')
      expect(ours.length).toBeLessThanOrEqual(1)
      if (ours[0]) cookie = ours[0].split(';')[0]!
      return { answer, text: await answer.text() }
    }
    await visit('/register')
    expect(cookie).toMatch(/^ntt-auth-session=./)
    const { answer, text } = await visit('/refresh')
    expect(JSON.parse(text).generation).toBe(1)
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
    expect(answer.headers.get('vary')).toBe('Cookie')
    expect((await visit('/late')).text).toMatch(/no cookie can be written here/)
    expect(JSON.parse((await visit('/')).text).generation).toBe(1)
    expect(JSON.parse((await visit('/logout')).text)).toBeNull()
    expect(cookie).toBe('ntt-auth-session=')
  })
})
