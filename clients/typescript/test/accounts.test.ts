import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthClient, type AuthError, memoryStorage } from '../src/index.ts'
import { cookies } from '../src/storage/cookies.ts'
import { type FaultProxy, startProxy } from './support/proxy.ts'
import { type RealServer, startServer } from './support/server.ts'
import { code } from './support/setup.ts'

const day = 86_400_000
const renewed = 'a quieter engine of silk'
const me = '/v1/users/me'

describe('accounts at the real server', () => {
  let server: RealServer
  let proxy: FaultProxy
  let people = 0

  beforeAll(async () => {
    server = await startServer({ RATE_LIMITS: 'on', DELETION_DELAY: '14d' })
    proxy = await startProxy(server.address)
  })
  afterAll(async () => {
    await proxy?.close()
    await server?.stop()
  })

  const start = () => new AuthClient({ baseUrl: proxy.address, storage: memoryStorage() })
  async function somebody() {
    const [client, credentials] = [
      start(),
      { email: `user${++people}@example.com`, password: 'engine of brass and steam' },
    ]
    await client.register(credentials)
    return { client, ...credentials, credentials }
  }

  /** The newest token that was mailed to this address. */
  // What a forgotten password causes is written after the answer.
  async function tokenTo(email: string): Promise<string> {
    for (let tries = 0; tries < 50; tries++) {
      const mails = JSON.parse(await server.cli('outbox', '--json')) as { to: string; link: string | null }[]
      const link = mails.find((each) => each.to === email && each.link)?.link
      if (link) return /ntto_[\w-]+/.exec(link)![0]
    }
    throw new Error(`No mail with a link came to ${email}.`)
  }

  it('a password is reset and an address changed by mail', async () => {
    const { client, email } = await somebody()
    await client.forgotPassword({ email })
    await client.resetPassword({ token: await tokenTo(email), new_password: renewed })
    expect(await code(client.refresh())).toBe('session_ended')
    await client.login({ email, password: renewed })
    await client.changeEmail({ new_email: 'lovelace@example.com', password: renewed })
    await client.confirmEmail({ token: await tokenTo('lovelace@example.com') })
    expect(await client.getUser({ fresh: true })).toMatchObject({ email: 'lovelace@example.com', email_verified: true })
    expect(await code(client.verifyEmail({ token: 'ntto_nothing' }))).toBe('invalid_one_time_token')
    await client.resendVerification({ email: 'lovelace@example.com' })
  })

  it('own data is taken along, and the account is kept by a login before it is due', async () => {
    const { client, email, password, credentials } = await somebody()
    const { user, sessions, audit, next_cursor } = await client.exportData()
    expect(user.email).toBe(email)
    expect(sessions.filter(({ current }) => current)).toHaveLength(1)
    expect(audit.map(({ event }) => event)).toContain('user_registered')
    expect(next_cursor).toBeNull()
    expect(await code(client.deleteAccount({ password: 'wrong' }))).toBe('invalid_password')
    const result = await client.deleteAccount({ password })
    if (result.status !== 'deletion_planned') throw new Error(`It was ${result.status}.`)
    expect(Math.abs(result.dueAt.getTime() - Date.now() - 14 * day)).toBeLessThan(3_600_000)
    expect(client.state).toMatchObject({ status: 'logged_out', reason: 'deleted' })
    expect((await client.login(credentials)).user.email).toBe(email)
    proxy.script(me, [{ do: 'lose_reply' }])
    expect(await client.deleteAccount({ password })).toEqual({ status: 'unknown' })
  })

  /** Six wrong guesses by strangers. */
  const attack = async (email: string) => {
    for (let tries = 0; tries < 6; tries++) await code(start().login({ email, password: `guess ${tries}` }))
  }

  it('an owner under attack is let in where he was before, and nobody elsewhere', async () => {
    const { client, email, credentials } = await somebody()
    await client.logout()
    await attack(email)
    const refused = (await start()
      .login(credentials)
      .catch((error) => error)) as AuthError
    expect([refused.code, refused.retryAfter! > 0]).toEqual(['rate_limited', true])
    expect(await code(client.login(credentials))).toBe('fine')
    await client.logout()
    expect(await code(client.login(credentials))).toBe('fine')
    // Whoever ends the sessions of all devices trusts none of them.
    await client.logout({ scope: 'all' })
    expect(await code(client.login(credentials))).toBe('rate_limited')
  })

  it('a device whose session a new password has ended is a stranger: who knew the old one may hold it', async () => {
    const { client, email, password, credentials } = await somebody()
    const there = start()
    await there.login(credentials)
    await client.changePassword({ current_password: password, new_password: renewed })
    expect(await code(there.refresh())).toBe('session_ended')
    await attack(email)
    expect(await code(start().login({ email, password: renewed }))).toBe('rate_limited')
    expect(await code(there.login({ email, password: renewed }))).toBe('rate_limited')
    expect(await code(client.login({ email, password: renewed }))).toBe('fine')
  })

  /** `fetch` as a page of the server's own origin has it, with a cookie that no script sees. */
  function browserFetch(): typeof fetch {
    let cookie = ''
    return async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('origin', 'https://auth.example.com')
      if (init?.credentials === 'include' && cookie) headers.set('cookie', cookie)
      const answer = await fetch(input, { ...init, headers })
      for (const each of answer.headers.getSetCookie()) cookie = each.split(';')[0]!
      return answer
    }
  }

  it('an owner under attack is let in whose browser shows by the cookie that he was there before', async () => {
    const { client, email, password, credentials } = await somebody()
    const fetch = browserFetch()
    const open = () => new AuthClient({ baseUrl: proxy.address, storage: memoryStorage(), delivery: cookies(), fetch })
    await open().login(credentials)
    await attack(email)
    expect(await code(start().login(credentials))).toBe('rate_limited')
    // A page that has forgotten everything but the cookie.
    const page = open()
    expect(await code(page.login(credentials))).toBe('fine')
    expect((await page.refresh()).generation).toBe(1)
    await client.changePassword({ current_password: password, new_password: renewed })
    expect(await code(page.refresh())).toBe('session_ended')
    expect(await code(page.login({ email, password: renewed }))).toBe('rate_limited')
  })
})
