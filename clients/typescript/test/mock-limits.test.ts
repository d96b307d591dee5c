import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createAdmin } from '../src/admin/index.ts'
import { AuthClient, type AuthError, type User } from '../src/index.ts'
import { type Fault, mockAuthServer, virtualClock } from '../src/testing/index.ts'
import { administratorsOf } from './support/administrators.ts'
import { flawsFound, heldToContract } from './support/contract.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, loggedIn, world } from './support/setup.ts'

const password = 'engine of brass and steam'
const newPassword = 'a quieter engine of silk'

type Stage = {
  users: ReturnType<typeof createAdmin>['users']
  user: User
  client: AuthClient
  stranger(): AuthClient
  /** How logins with these passwords end, one after the other. */
  tries(passwords: string[], email?: string): Promise<unknown[]>
}

type Lock = { reason: string; failures: number; until: string }

const wrong = (times: number) => Array<string>(times).fill('wrong')
/** A second or two may pass on the real clock. */
const about = (seconds: number | undefined) => seconds && Math.ceil(seconds / 10) * 10
const told = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    ({ code, status, retryable, retryAfter }: AuthError) => [code, status, retryable, about(retryAfter)],
  )

const cases: Record<string, (stage: Stage) => unknown> = {
  'five are free, and then a right one waits as well': ({ tries }) => tries([...wrong(5), password, 'wrong']),
  'of nobody’s address, too': ({ tries }) => tries([...wrong(5), password], 'nobody@example.com'),
  'a right one makes the wrong ones forgotten': ({ tries }) =>
    tries([...wrong(4), password, ...wrong(4), password, ...wrong(4), password]),
  'another address does not wait': async ({ tries }) => [
    await tries(wrong(6)),
    await tries(['wrong'], 'somebody.else@example.com'),
  ],
  'in capitals it is the same address': async ({ tries, user }) => [
    await tries(wrong(5)),
    await tries([password], user.email.toUpperCase()),
  ],
  'administrators see it, and unlock': async ({ tries, users, user }) => {
    await tries(wrong(5))
    const lock = async () => ((await users.get(user.id)) as User & { locked: Lock | null }).locked
    const locked = await lock()
    const wait = Date.parse(locked!.until!) - Date.parse(user.created_at)
    await users.unlock(user.id)
    return [locked!.reason, locked!.failures, wait > 0, await lock(), await tries([password])]
  },
  'a new password by a link ends the wait': async ({ tries, users, user, stranger }) => {
    await tries(wrong(5))
    const link = await users.resetPassword(user.id)
    await stranger().resetPassword({ token: link!.token, new_password: newPassword })
    return tries([newPassword])
  },
  'a device that was here before does not wait for strangers': async ({ tries, client, user }) => {
    await client.logout()
    await tries(wrong(6))
    return told(client.login({ email: user.email, password }))
  },
  'and waits for itself': async ({ tries, client, user }) => {
    await client.logout()
    const login = (given: string) => told(client.login({ email: user.email, password: given }))
    const outcomes = []
    for (const each of [...wrong(5), password]) outcomes.push(await login(each))
    return [outcomes, await tries([password])]
  },
  'an administrator’s end makes no device known': async ({ tries, client, users, user }) => {
    await users.logout(user.id)
    await client.refresh().catch(() => {})
    await tries(wrong(6))
    return told(client.login({ email: user.email, password }))
  },
  'of a new password the current one is guessed as often': async ({ tries, client, user }) => {
    const change = (current: string) =>
      told(client.changePassword({ current_password: current, new_password: newPassword }))
    const outcomes = []
    for (const each of [...wrong(5), password]) outcomes.push(await change(each))
    const others = [
      await told(client.deleteAccount({ password })),
      await told(client.changeEmail({ new_email: `x${user.email}`, password })),
      await told(client.changePassword({ current_password: password, new_password: 'a' })),
    ]
    return [outcomes, others, await told(client.getUser({ fresh: true })), await tries([password])]
  },
  'what is refused for another reason is no guess': async ({ tries, users, user, client }) => {
    const weak = () => told(client.changePassword({ current_password: password, new_password: 'a' }))
    const outcomes = []
    for (let times = 0; times < 6; times++) outcomes.push(await weak())
    await users.disable(user.id)
    return [outcomes, await tries(Array(7).fill(password))]
  },
}

describe('wrong passwords on the server of /testing', () => {
  let real: RealServer
  const mock = mockAuthServer({ mail: false })
  const mockFetch = heldToContract(mock.fetch)
  let roots: Map<string, AuthClient>
  let asked = 0

  afterEach(() => expect(flawsFound()).toEqual([]))
  beforeAll(async () => {
    real = await startServer({ RATE_LIMITS: 'on' })
    roots = await administratorsOf(real, mock, mockFetch)
  })
  afterAll(() => real.stop())

  async function outcome(baseUrl: string, fetching: typeof fetch, work: (stage: Stage) => unknown): Promise<unknown> {
    const email = `guessed${++asked}@example.com`
    const stranger = () => new AuthClient({ baseUrl, fetch: fetching, timeoutMs: 20_000 })
    const { users } = createAdmin({ baseUrl, fetch: fetching, as: roots.get(baseUrl)! })
    await users.create({ email, password })
    const client = stranger()
    await client.login({ email, password })
    const tries = async (passwords: string[], address = email) => {
      const outcomes = []
      for (const each of passwords) outcomes.push(await told(stranger().login({ email: address, password: each })))
      return outcomes
    }
    return work({ users, user: await client.getUser(), client, stranger, tries })
  }

  it.each(Object.keys(cases))('are counted as on the real one: %s', async (name) => {
    const work = cases[name]!
    const there = await outcome(real.address, fetch, work)
    expect(await outcome(mock.issuer, mockFetch, work)).toEqual(there)
  })

  it('are refused with the same headers', async () => {
    const headers = async (base: string, fetching: typeof fetch) => {
      const body = JSON.stringify({ email: 'headers@example.com', password: 'wrong' })
      const login = () =>
        fetching(`${base}/v1/auth/login`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      for (let times = 0; times < 5; times++) await login()
      const answer = await login()
      const names = ['retry-after', 'ratelimit-policy', 'ratelimit', 'content-type']
      const values = names.map((each) => answer.headers.get(each)?.replace(/;? ?charset=utf-8/, ''))
      return [answer.status, ...values.map((each) => each?.replace(/\b(29|28|27)$/, '30'))]
    }
    expect(await headers(mock.issuer, mockFetch)).toEqual(await headers(real.address, fetch))
  })

  describe('by the clock', () => {
    const throttling = readFileSync(new URL('../../../docs/throttling.md', import.meta.url), 'utf8')
    const figure = (row: string) => Number(new RegExp(`^\\| ${row} \\| (\\d+)`, 'm').exec(throttling)![1])
    const [free, first, longest, most, remembersFew, remembersMany] = [
      'free guesses in a row',
      'wait after the fifth',
      'longest wait',
      'guesses in a row at most, of strangers',
      'forgotten after the last one, below five',
      'forgotten after the last one, from five on',
    ].map(figure) as [number, number, number, number, number, number]

    it('make wait as docs/throttling.md says, twice as long each time, until only an unlocking helps', async () => {
      const { clock, server, connect } = world()
      const guess = (given = 'wrong') =>
        connect({ fetch: heldToContract(server.fetch) })
          .login({ ...ada, password: given })
          .then(() => null)
          .catch((error: AuthError) => error)
      for (let times = 0; times < free; times++) expect((await guess())!.code).toBe('invalid_credentials')
      for (let failures = free; failures < most; failures++) {
        const wait = Math.min(longest, first * 2 ** (failures - free))
        expect((await guess(ada.password))!).toMatchObject({ code: 'rate_limited', retryable: true, retryAfter: wait })
        await clock.advance(wait * 1000 - 1)
        expect((await guess(ada.password))!).toMatchObject({ code: 'rate_limited', retryAfter: 1 })
        await clock.advance(1)
        expect((await guess())!.code).toBe('invalid_credentials')
      }
      await clock.advance(365 * 86_400_000)
      expect((await guess(ada.password))!).toMatchObject({
        code: 'rate_limited',
        retryable: false,
        retryAfter: longest,
      })
      server.addUser({ email: 'root@example.com', password, roles: ['admin'] })
      const root = connect({ storageKey: 'root' })
      await root.login({ email: 'root@example.com', password })
      const { users } = createAdmin({ baseUrl: server.issuer, fetch: server.fetch, clock, as: root })
      const [user] = (await users.list({ q: 'ada' }).page()).items
      expect(user).toMatchObject({ locked: { reason: 'too_many_wrong_passwords', failures: most, until: null } })
      await users.unlock(user!.id)
      expect(await guess(ada.password)).toBeNull()
    })

    it.each([
      [4, remembersFew],
      [5, remembersMany],
    ])('%i of them are forgotten after %i days', async (count, days) => {
      for (const [early, outcome] of [
        [1, 'rate_limited'],
        [0, 'invalid_credentials'],
      ] as const) {
        const { clock, connect } = world()
        const guess = () => code(connect().login({ ...ada, password: 'wrong' }))
        for (let times = 0; times < count; times++) await guess()
        await clock.advance(days * 86_400_000 - early)
        // Up to the end of the free ones, then one that would be too many.
        for (let times = count; times <= free; times++) await guess()
        expect(await guess()).toBe(outcome)
      }
    })

    it('make nobody wait where that is switched off', async () => {
      const { connect } = world({}, { rateLimits: false })
      for (let times = 0; times < 20; times++) await code(connect().login({ ...ada, password: 'wrong' }))
      expect(await code(connect().login(ada))).toBe('fine')
    })
  })
})

describe('a server of /testing that is told to refuse', () => {
  afterEach(() => expect(flawsFound()).toEqual([]))

  it.each([
    ['rate_limited', 429, 'RateLimitedError'],
    ['overloaded', 503, 'ServerError'],
    ['unavailable', 503, 'ServerError'],
  ] as const)('says %s as the server does, for as many calls as it was told', async (refusal, status, name) => {
    const { server, connect } = world()
    server.script('POST /v1/auth/login', { do: 'refuse', code: refusal, retryAfter: 30, times: 2 })
    const client = connect({ fetch: heldToContract(server.fetch) })
    for (const _time of [1, 2]) {
      const error: AuthError = await client.login(ada).catch((thrown) => thrown)
      expect(error).toMatchObject({ code: refusal, status, retryable: true, retryAfter: 30 })
      expect(error.constructor.name).toBe(name)
    }
    expect(await code(client.login(ada))).toBe('fine')
  })

  it('makes a client wait for as long as it says, and go on', async () => {
    const { client, server, clock } = await loggedIn()
    const begun = clock.wall()
    server.script('/v1/users/me', { do: 'refuse', code: 'overloaded', retryAfter: 3 })
    expect(await client.getUser({ fresh: true })).toMatchObject({ email: ada.email })
    expect(clock.wall() - begun).toBeGreaterThanOrEqual(3000)
    server.always({ do: 'refuse', code: 'unavailable' })
    expect(await code(client.getUser({ fresh: true }))).toBe('unavailable')
    server.always(null)
    expect(await code(client.getUser({ fresh: true }))).toBe('fine')
  })

  it('refuses one route of all users, or whatever comes next', async () => {
    const { server, clock, connect } = world()
    server.addUser({ email: 'root@example.com', password, roles: ['admin'] })
    const root = connect()
    const { user } = await root.login({ email: 'root@example.com', password })
    const { users } = createAdmin({ baseUrl: server.issuer, fetch: server.fetch, clock, as: root, timeoutMs: 1000 })
    const refusal = { do: 'refuse', code: 'rate_limited', retryAfter: 60 } as const
    server.script('POST /v1/admin/users/{id}/unlock', refusal)
    expect(await code(users.get(user.id))).toBe('fine')
    expect(await code(users.unlock(user.id))).toBe('rate_limited')
    expect(await code(users.unlock(user.id))).toBe('fine')
    expect(server.count('POST /v1/admin/users/{id}/unlock')).toBe(2)
    server.script(`/v1/admin/users/${user.id}`, refusal)
    expect(await code(users.get(user.id))).toBe('rate_limited')
    server.script('*', refusal, 'deliver', refusal)
    expect([await code(users.get(user.id)), await code(users.logout(user.id))]).toEqual(['rate_limited', 'fine'])
    expect(server.count(`/v1/admin/users/${user.id}`)).toBe(3)
  })
})

describe('what /testing is told and cannot be meant is an error at once', () => {
  const server = () => mockAuthServer()
  const anything = (value: unknown) => value as never
  const scripted = (fault: unknown) => () => server().script('/v1/auth/login', fault as Fault)

  it.each([
    [
      'an option that there is not',
      () => mockAuthServer(anything({ acessTokenTtl: 60 })),
      /no "acessTokenTtl"; there are: clock, issuer, acc/,
    ],
    ['options that are none', () => mockAuthServer(anything('x')), /takes an object/],
    ['options that are null', () => mockAuthServer(anything(null)), /takes an object/],
    ['a number as clock', () => mockAuthServer({ clock: anything(5) }), /"clock" of mockAuthServer must be a clock/],
    ['an issuer that is no URL', () => mockAuthServer({ issuer: 'auth.test' }), /"issuer" .* must be a URL/],
    ['an issuer with a path', () => mockAuthServer({ issuer: 'https://example.com/auth' }), /without a path/],
    [
      'a life in words',
      () => mockAuthServer({ accessTokenTtl: anything('15m') }),
      /"accessTokenTtl" .* whole number from 1/,
    ],
    ['no life', () => mockAuthServer({ accessTokenTtl: 0 }), /from 1 on/],
    [
      'a skew that is no number',
      () => mockAuthServer({ skewMs: Number.NaN }),
      /"skewMs" of mockAuthServer must be a number/,
    ],
    ['a delay before now', () => mockAuthServer({ deletionDelay: -1 }), /"deletionDelay"/],
    [
      'a word as mail',
      () => mockAuthServer({ mail: anything('no') }),
      /"mail" of mockAuthServer must be true or false/,
    ],
    ['a word as limits', () => mockAuthServer({ rateLimits: anything('off') }), /"rateLimits"/],
    ['a clock with an option that there is not', () => virtualClock(anything({ at: 0 })), /virtualClock has no "at"/],
    ['a clock that begins in words', () => virtualClock({ start: anything('2026-01-01') }), /"start" of virtualClock/],
    [
      'a user with a role too few',
      () => server().addUser(anything({ ...ada, role: 'admin' })),
      /addUser has no "role"/,
    ],
    ['a user with a word as roles', () => server().addUser({ ...ada, roles: anything('admin') }), /"roles" of addUser/],
    ['a user without a password', () => server().addUser(anything({ email: ada.email })), /"password" of addUser/],
    ['an end of nobody', () => server().endSessions({}), /the id of a session or of a user/],
    ['an end of somebody else', () => server().endSessions(anything({ user: 'x' })), /endSessions has no "user"/],
    ['a script for no path', () => server().script('v1/auth/login', 'deliver'), /not "v1\/auth\/login"/],
    ['a script for a query', () => server().script('/v1/admin/users?q=a', 'deliver'), /script takes a path/],
    ['a fault that there is not', scripted({ do: 'explode' }), /one of lose_request, .*not {"do":"explode"}/],
    ['a fault that is a word', scripted('html'), /A fault is/],
    ['a refusal with another code', scripted({ do: 'refuse', code: 'forbidden' }), /"rate_limited" or "overloaded" or/],
    ['a refusal without a code', scripted({ do: 'refuse' }), /"code" of a fault that does "refuse"/],
    ['a refusal for a moment', scripted({ do: 'refuse', code: 'overloaded', retryAfter: 0.5 }), /whole number/],
    [
      'a refusal with what is spelt as on the wire',
      scripted({ do: 'refuse', code: 'overloaded', retry_after: 5 }),
      /no "retry_after"/,
    ],
    ['a status that is none', scripted({ do: 'status', status: 42 }), /from 200 to 599/],
    ['a fault that happens half a time', scripted({ do: 'html', times: 0.5 }), /"times"/],
    ['a wait for nothing', scripted({ do: 'wait' }), /be a promise/],
    ['a standing fault that there is not', () => server().always(anything({ do: 'no' })), /A fault is/],
  ] as [string, () => unknown, RegExp][])('%s', (_name, work, words) => {
    expect(work).toThrow(words)
    expect(work).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  })

  it('a user whose address is taken', () => {
    const { server } = world()
    expect(() => server.addUser({ ...ada, email: ada.email.toUpperCase() })).toThrow(
      /a user with ADA@EXAMPLE.COM already/,
    )
  })

  it('and what is undefined is left out', () => {
    expect(mockAuthServer({ clock: undefined, mail: undefined } as never).issuer).toBe('https://auth.test')
  })
})
