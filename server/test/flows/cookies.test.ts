import assert from 'node:assert/strict'
import { it } from 'node:test'
import { cookieName } from '../../src/http/cookies.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeQuickFlow, keyA, keyB, problem, refresh, sessionOf, validate } from './flow-server.ts'

const page = 'https://app.example.com'
const own = 'https://auth.example.com'

describeQuickFlow(
  'cookie delivery',
  (flow) => {
    const from = (origin: string, more: Record<string, string> = {}) => ({ origin, ...more })
    let people = 0

    const post = (path: string, body: unknown, headers: Record<string, string>, token?: string) =>
      flow.server.call('POST', path, { body, headers, ...(token !== undefined && { token }) })

    /** What the browser would send back. */
    function jarOf(answer: { headers: Headers }): string {
      const [cookie] = answer.headers.getSetCookie()
      assert.ok(cookie, 'a cookie was set')
      return cookie.split(';')[0]!
    }

    async function inBrowser() {
      const email = `browser-${++people}@example.com`
      const body = { email, password: goodPassword, delivery: 'cookie' }
      const answer = await post('/v1/auth/register', body, from(page))
      assert.equal(answer.status, 201, answer.text)
      return { email, cookie: jarOf(answer), ...answer.body } as {
        email: string
        cookie: string
        access_token: string
        session_id: string
      }
    }

    const refreshBy = (cookie: string, key: string | null, headers: Record<string, string> = from(page)) =>
      post('/v1/auth/refresh', {}, { ...headers, cookie, ...(key !== null && { 'refresh-key': key }) })

    it('keeps the refresh token where no script reads it, for this host and this site alone', async () => {
      const body = { email: `browser-${++people}@example.com`, password: goodPassword, delivery: 'cookie' }
      const registered = await post('/v1/auth/register', body, from(page))
      const loggedIn = await post('/v1/auth/login', body, from(own))
      for (const answer of [registered, loggedIn]) {
        assert.equal('refresh_token' in answer.body, false)
        assert.doesNotMatch(answer.text, /nttr_/)
        const cookies = answer.headers.getSetCookie()
        assert.equal(cookies.length, 1)
        const [pair, ...attributes] = cookies[0]!.split('; ')
        assert.match(pair!, /^__Host-ntt-auth=nttr_[A-Za-z0-9_.-]+$/)
        assert.deepEqual(attributes.sort(), [
          'HttpOnly',
          `Max-Age=${answer.body.refresh_expires_in}`,
          'Path=/',
          'SameSite=Strict',
          'Secure',
        ])
        assert.ok(cookies[0]!.length < 1024)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.equal((await validate(flow.server, answer.body.access_token)).status, 200)
      }
    })

    it('gives the refresh token in the body unless it is asked for', async () => {
      const { email } = await registerSomebody(flow.server)
      for (const delivery of [{}, { delivery: 'body' }]) {
        const answer = await post('/v1/auth/login', { email, password: goodPassword, ...delivery }, from(page))
        assert.match(answer.body.refresh_token, /^nttr_/)
        assert.deepEqual(answer.headers.getSetCookie(), [])
      }
    })

    it('refreshes by the cookie, and sets its successor', async () => {
      const one = await inBrowser()
      const answer = await refreshBy(one.cookie, keyA)
      assert.deepEqual([answer.status, answer.body.generation, 'refresh_token' in answer.body], [200, 1, false])
      const next = jarOf(answer)
      assert.notEqual(next, one.cookie)
      assert.equal((await refreshBy(next, keyB)).body.generation, 2)
    })

    it('keeps both of two tabs that refresh at once with the key they share', async () => {
      const one = await inBrowser()
      const [first, second] = await Promise.all([refreshBy(one.cookie, keyA), refreshBy(one.cookie, keyA)])
      assert.deepEqual([first.status, second.status], [200, 200])
      assert.equal(jarOf(first), jarOf(second))
      for (const { body } of [first, second]) {
        assert.equal((await validate(flow.server, body.access_token)).status, 200)
      }
      assert.equal((await refreshBy(jarOf(first), keyB)).status, 200)
    })

    it('takes neither an Origin that is not listed, nor none, nor a page of another site', async () => {
      const one = await inBrowser()
      const strangers: [string, Record<string, string>][] = [
        ['another origin of the site', from('https://evil.example.com')],
        ['another port', from(`${page}:8443`)],
        ['plain HTTP', from('http://app.example.com')],
        ['a sandboxed page', from('null')],
        ['none', {}],
        ['another site', from(page, { 'sec-fetch-site': 'cross-site' })],
      ]
      for (const [who, headers] of strangers) {
        const credentials = { email: one.email, password: goodPassword, delivery: 'cookie' }
        const unknown = { ...credentials, email: `stranger-${++people}@example.com` }
        for (const answer of [
          await refreshBy(one.cookie, keyA, headers),
          await post('/v1/auth/logout', {}, { ...headers, cookie: one.cookie }),
          await post('/v1/auth/login', credentials, headers),
          await post('/v1/auth/register', unknown, headers),
        ]) {
          assert.equal(problem(answer), '403 origin_not_allowed', who)
          assert.deepEqual(answer.headers.getSetCookie(), [])
        }
      }
      const { generation, ended_at } = await sessionOf(flow.server, one.session_id)
      assert.deepEqual([generation, ended_at], [0, null])
    })

    it('prefers the token in the body, and asks for one of both', async () => {
      const [one, other] = [await inBrowser(), await registerSomebody(flow.server)]
      const both = { ...from(page), cookie: one.cookie, 'refresh-key': keyA }
      const answer = await post('/v1/auth/refresh', { refresh_token: other.refresh_token }, both)
      assert.deepEqual([answer.body.session_id, answer.headers.getSetCookie()], [other.session_id, []])
      assert.match(answer.body.refresh_token, /^nttr_/)
      const neither = await post('/v1/auth/refresh', {}, from(page))
      assert.deepEqual([problem(neither), neither.body.session_ended], ['401 invalid_refresh_token', false])
      assert.equal(problem(await refreshBy(`${cookieName}=nttr_made-up`, keyA)), '401 invalid_refresh_token')
    })

    it('never takes a cookie away in answer to a refresh: a newer login may have set it', async () => {
      const one = await inBrowser()
      await post('/v1/auth/logout', {}, { ...from(page), cookie: one.cookie })
      const answer = await refreshBy(one.cookie, keyA)
      assert.equal(problem(answer), '401 session_ended logout')
      assert.deepEqual(answer.headers.getSetCookie(), [])
    })

    it('logs out by the cookie, again and again, and has the browser forget it', async () => {
      const one = await inBrowser()
      for (const _ of [1, 2]) {
        const answer = await post('/v1/auth/logout', {}, { ...from(page), cookie: one.cookie })
        assert.equal(answer.status, 204)
        assert.match(
          answer.headers.getSetCookie()[0]!,
          /^__Host-ntt-auth=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
        )
      }
      assert.equal((await sessionOf(flow.server, one.session_id)).end_reason, 'logout')
      assert.equal(problem(await validate(flow.server, one.access_token)), '401 token_revoked')
    })

    it('logs out by the cookie when the access token beside it has expired', async () => {
      const one = await inBrowser()
      flow.server.clock.advance(20 * 60_000)
      const headers = { ...from(page), cookie: one.cookie }
      assert.equal((await post('/v1/auth/logout', {}, headers, one.access_token)).status, 204)
      assert.equal((await sessionOf(flow.server, one.session_id)).end_reason, 'logout')
    })

    it('leaves the cookie of another session alone', async () => {
      const [one, other] = [await inBrowser(), await registerSomebody(flow.server)]
      const headers = { ...from(page), cookie: one.cookie }
      const answer = await post('/v1/auth/logout', {}, headers, other.access_token)
      assert.deepEqual([answer.status, answer.headers.getSetCookie()], [204, []])
      assert.equal((await sessionOf(flow.server, one.session_id)).ended_at, null)
      const others = await post('/v1/auth/logout', { scope: 'others' }, headers)
      assert.deepEqual([others.status, others.headers.getSetCookie()], [204, []])
    })

    it('keeps the cookie through a change of the password, and takes it away with the account', async () => {
      const one = await inBrowser()
      const headers = { ...from(page), cookie: one.cookie }
      const change = { current_password: goodPassword, new_password: 'a quieter engine of silk' }
      const changed = await post('/v1/users/me/password', change, headers, one.access_token)
      assert.deepEqual([changed.status, 'refresh_token' in changed.body], [200, false])
      assert.equal((await refreshBy(jarOf(changed), keyA)).status, 200)
      const gone = await flow.server.call('DELETE', '/v1/users/me', {
        body: { password: change.new_password },
        token: changed.body.access_token,
        headers,
      })
      assert.equal(gone.status, 204)
      assert.match(gone.headers.getSetCookie()[0]!, /^__Host-ntt-auth=; Max-Age=0;/)
    })

    it('changes a password from its own pages alone', async () => {
      const { access_token, cookie } = await inBrowser()
      const body = { current_password: goodPassword, new_password: 'a quieter engine of silk' }
      for (const headers of [from('https://evil.example'), {}, from(page, { 'sec-fetch-site': 'cross-site' })]) {
        const answer = await post('/v1/users/me/password', body, { ...headers, cookie }, access_token)
        assert.equal(problem(answer), '403 origin_not_allowed')
        assert.deepEqual(answer.headers.getSetCookie(), [])
      }
      assert.equal((await post('/v1/users/me/password', body, from(page, { cookie }), access_token)).status, 200)
    })

    it('is no way in for a cookie where the body carried the token', async () => {
      const one = await registerSomebody(flow.server)
      assert.equal((await refresh(flow.server, one.refresh_token, keyA)).headers.getSetCookie().length, 0)
    })
  },
  { settings: { CORS_ORIGINS: page } },
)
