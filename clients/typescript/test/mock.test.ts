import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthClient, type AuthError, type LoginResult } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { createVerifier } from '../src/verify/index.ts'
import { flawsFound, heldToContract } from './support/contract.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, heardOf } from './support/setup.ts'

const password = 'engine of brass and steam'
const newPassword = 'a quieter engine of silk'

/** Somebody with an account: what a case does with it must come out the same, whoever answers. */
type Person = {
  email: string
  client: AuthClient
  /** A client of another device, logged in. */
  device(input?: object): Promise<AuthClient>
  /** A client that is not. */
  stranger(): AuthClient
}
type Case = (person: Person) => unknown

const anyInput = (input: object) => input as never
const end = (client: AuthClient) => client.refresh().catch(reason)
const reason = (error: AuthError) => `${error.code} ${error.endReason}`
const devices = async (client: AuthClient) =>
  (await client.sessions.list()).items.map((each) => [each.device_name, each.current, each.end_reason])
const unknownId = '01a20faf-d34d-7590-b8c0-be7e925185e9'

const cases: Record<string, Case> = {
  'register: who it is': async ({ stranger, email }) => {
    const input = { email: `New-${email}`, password, name: 'Ada', locale: 'de', device_name: 'phone' }
    const { user, session } = (await stranger().register(input)) as LoginResult & { status: 'logged_in' }
    const { id, created_at, updated_at, last_login_at, email: address, ...rest } = user
    return [rest, address === `new-${email}`, last_login_at !== null, session.generation]
  },
  'register: a short password': ({ stranger, email }) => stranger().register({ email: `x${email}`, password: 'abc' }),
  'register: one character many times': ({ stranger, email }) =>
    stranger().register({ email: `x${email}`, password: 'aaaaaaaaaaaa' }),
  'register: the address as password': ({ stranger, email }) =>
    stranger().register({ email: `x${email}`, password: `X${email}` }),
  'register: the name as password': ({ stranger, email }) =>
    stranger().register({ email: `x${email}`, password: 'Ada Lovelace', name: 'ada lovelace' }),
  'register: a long password': ({ stranger, email }) =>
    stranger().register({ email: `x${email}`, password: 'ab'.repeat(200) }),
  'register: no address': ({ stranger }) => stranger().register({ email: 'nope', password }),
  'register: an address without a dot': ({ stranger }) => stranger().register({ email: 'ada@example', password }),
  'register: an unknown field': ({ stranger, email }) =>
    stranger().register(anyInput({ email: `x${email}`, password, foo: 1 })),
  'register: a number as address, an empty name': ({ stranger }) =>
    stranger().register(anyInput({ email: 7, password, name: '' })),
  'register: nothing': ({ stranger }) => stranger().register(anyInput({})),
  'register: a taken address, in capitals': ({ stranger, email }) =>
    stranger().register({ email: email.toUpperCase(), password }),
  'login: in capitals': async ({ stranger, email }) => {
    const { status, user } = await stranger().login({ email: email.toUpperCase(), password })
    return [status, user.email === email, user.last_login_at !== null]
  },
  'login: a wrong password': ({ stranger, email }) => stranger().login({ email, password: 'x' }),
  'login: nobody': ({ stranger }) => stranger().login({ email: 'nobody@example.com', password }),
  'login: no address': ({ stranger }) => stranger().login({ email: 'nope', password }),
  'login: nothing': ({ stranger }) => stranger().login(anyInput({})),
  'login: an unknown field': ({ stranger, email }) => stranger().login(anyInput({ email, password, foo: 1 })),
  'sessions: the devices, newest first': async ({ client, device }) => {
    await device({ device_name: 'phone' })
    return devices(client)
  },
  'sessions: none on a page': ({ client }) => client.sessions.list({ limit: -1 }),
  'sessions: a cursor of nobody': ({ client }) => client.sessions.list({ cursor: 'x' }),
  'sessions: end another': async ({ client, device }) => {
    const other = await device()
    await client.sessions.revoke(other.state.session!.id)
    return [await end(other), await devices(client), other.state.status]
  },
  'sessions: end this one': async ({ client }) => {
    await client.sessions.revoke(client.state.session!.id)
    return client.getUser({ fresh: true }).catch(reason)
  },
  'sessions: end an unknown one': ({ client }) => client.sessions.revoke(unknownId),
  'sessions: end what is no id': ({ client }) => client.sessions.revoke('x'),
  'profile: a name': async ({ client }) => (await client.updateUser({ name: 'Q', locale: null })).name,
  'profile: metadata': async ({ client }) => (await client.updateUser({ metadata: { a: [1] } })).metadata,
  'profile: an address': ({ client }) => client.updateUser(anyInput({ email: 'evil@example.com' })),
  'profile: roles': ({ client }) => client.updateUser(anyInput({ roles: ['admin'] })),
  'profile: a long name': ({ client }) => client.updateUser({ name: 'x'.repeat(300) }),
  'profile: no language': ({ client }) => client.updateUser({ locale: 'no language' }),
  'profile: nothing': ({ client }) => client.updateUser({}),
  'password: a weak one': ({ client }) => client.changePassword({ current_password: password, new_password: 'a' }),
  'password: with a wrong one': ({ client }) =>
    client.changePassword({ current_password: 'no', new_password: newPassword }),
  'password: a new one': async ({ client, device, stranger, email }) => {
    const other = await device()
    await client.changePassword({ current_password: password, new_password: newPassword })
    const old = await code(stranger().login({ email, password }))
    return [
      await end(other),
      old,
      (await stranger().login({ email, password: newPassword })).status,
      client.state.status,
    ]
  },
  'password: a new one, and the others stay': async ({ client, device }) => {
    const other = await device()
    const change = { current_password: password, new_password: newPassword, end_other_sessions: false }
    await client.changePassword(change)
    return code(other.refresh())
  },
  'address: their own': ({ client, email }) => client.changeEmail({ new_email: email, password }),
  'address: none': ({ client }) => client.changeEmail({ new_email: 'nope', password }),
  'address: with a wrong password': ({ client }) => client.changeEmail({ new_email: 'x@example.com', password: 'x' }),
  'logout: the others': async ({ client, device }) => {
    const other = await device()
    const result = await client.logout({ scope: 'others' })
    return [result, await end(other), await code(client.refresh())]
  },
  'logout: all': async ({ client, device }) => {
    const other = await device()
    return [await client.logout({ scope: 'all' }), await end(other)]
  },
  'logout: this one': async ({ client, device }) => {
    const other = await device()
    return [await other.logout(), await code(client.refresh()), await devices(client)]
  },
  'mail: no address': ({ stranger }) => stranger().forgotPassword({ email: 'nope' }),
  'mail: nobody': ({ stranger }) => stranger().resendVerification({ email: 'nobody@example.com' }),
  'mail: a wrong token': ({ stranger }) => stranger().resetPassword({ token: 'x', new_password: newPassword }),
  'mail: a wrong token and a weak password': ({ stranger }) =>
    stranger().resetPassword({ token: 'x', new_password: 'a' }),
  'mail: no token': ({ stranger }) => stranger().resetPassword(anyInput({})),
  'mail: a wrong token for an address': ({ stranger }) => stranger().verifyEmail({ token: 'x' }),
  'mail: a wrong token for a new address': ({ stranger }) => stranger().confirmEmail({ token: 'x' }),
  'end: with a wrong password': ({ client }) => client.deleteAccount({ password: 'x' }),
  'end: without one': ({ client }) => client.deleteAccount(anyInput({})),
  'end: for good': async ({ client, device, stranger, email }) => {
    const other = await device()
    const result = await client.deleteAccount({ password })
    return [result.status, await code(other.refresh()), await code(stranger().login({ email, password }))]
  },
}

const requests: [string, string, object | null][] = [
  ['GET', '/nowhere', null],
  ['GET', '/v1/users/nobody', null],
  ['GET', '/v1/users/me', null],
  ['GET', '/v1/auth/login', null],
  ['PUT', '/v1/users/me', null],
  ['POST', '/v1/auth/refresh', {}],
  ['POST', '/v1/auth/refresh', { refresh_token: 'x' }],
  ['POST', '/v1/auth/refresh', { refresh_token: 7 }],
  ['POST', '/v1/auth/logout', { scope: 'everything' }],
  ['POST', '/v1/auth/logout', {}],
  ['POST', '/v1/auth/logout', { refresh_token: 'x' }],
  ['POST', '/v1/users/me/password', {}],
  ['POST', '/v1/auth/login', []],
  ['GET', '/v1/revocations', null],
]

describe('the server of /testing', () => {
  let real: RealServer
  const mock = mockAuthServer()
  const mockFetch = heldToContract(mock.fetch)

  // Whatever a case is about, the answers in it keep to the contract.
  afterEach(() => expect(flawsFound()).toEqual([]))
  beforeAll(async () => {
    real = await startServer({ DELETION_DELAY: '0s' })
  })
  afterAll(() => real.stop())

  let people = 0
  async function outcome(baseUrl: string, fetch: typeof globalThis.fetch, work: Case): Promise<unknown> {
    const email = `person${++people}@example.com`
    const stranger = () => new AuthClient({ baseUrl, fetch, timeoutMs: 20_000 })
    const client = stranger()
    await client.register({ email, password })
    const device = async (input = {}) => {
      const other = stranger()
      await other.login({ email, password, ...input })
      return other
    }
    try {
      return await work({ email, client, device, stranger })
    } catch (error) {
      return heardOf(error)
    }
  }

  it.each(Object.keys(cases))('answers as the real one does: %s', async (name) => {
    const work = cases[name]!
    const there = await outcome(real.address, fetch, work)
    expect(await outcome(mock.issuer, mockFetch, work)).toEqual(there)
  })

  it.each(requests)('answers as the real one does: %s %s %j', async (method, path, body) => {
    const answerOf = async (base: string, fetching: typeof fetch) => {
      const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      const init = { method, ...sent }
      const answer = await fetching(base + path, init)
      return [answer.status, answer.status === 204 ? null : ((await answer.json()) as { code: string }).code]
    }
    expect(await answerOf(mock.issuer, mockFetch)).toEqual(await answerOf(real.address, fetch))
  })

  it('does twice what the network doubles', async () => {
    const auth = mockAuthServer()
    const user = auth.addUser({ email: 'ada@example.com', password })
    const client = new AuthClient({ baseUrl: auth.issuer, fetch: auth.fetch })
    auth.script('/v1/auth/login', { do: 'duplicate' })
    await client.login({ email: user.email, password })
    expect((await client.sessions.list()).items.filter(({ end_reason }) => end_reason === null)).toHaveLength(2)
  })

  it('tells verifiers what has ended', async () => {
    const auth = mockAuthServer()
    const user = auth.addUser({ email: 'ada@example.com', password })
    const client = new AuthClient({ baseUrl: auth.issuer, fetch: auth.fetch })
    await client.login({ email: user.email, password })
    const credential = { clientId: 'any', clientSecret: 'any', whenUnreachable: 'fail_closed', mode: 'poll' } as const
    const make = () => createVerifier({ issuer: auth.issuer, revocation: credential, fetch: auth.fetch })
    const token = await client.getAccessToken()
    const before = make()
    expect(await code(before.verify(token))).toBe('fine')
    before.close()
    await client.logout()
    const after = make()
    expect(await code(after.verify(token))).toBe('token_revoked')
    after.close()
  })
})

describe('the refresh protocol in memory', () => {
  /** Refreshes a login by tokens of these generations, with these keys. */
  async function answers(...sent: [generation: number, key: string | null][]) {
    const server = mockAuthServer()
    server.addUser(ada)
    const post = (path: string, body: object, key: string | null = null) => {
      const headers = key === null ? {} : { 'refresh-key': key }
      return server.fetch(`${server.issuer}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    }
    const { refresh_token, session_id } = await (await post('/v1/auth/login', ada)).json()
    const said: unknown[] = []
    for (const [generation, key] of sent) {
      const token = refresh_token.replace(/\d+$/, generation)
      const answer = await (await post('/v1/auth/refresh', { refresh_token: token }, key)).json()
      said.push(answer.generation ?? (answer.session_ended ? answer.end_reason : answer.code))
    }
    return [...said, server.session(session_id)!.ended]
  }
  const reuse = 'refresh_token_reuse'

  it.each<[string, [number, string | null][], unknown[]]>([
    [
      'answers a retry by the same successor',
      [
        [0, 'a'],
        [0, 'a'],
        [1, 'b'],
      ],
      [1, 1, 2, null],
    ],
    [
      'answers a retry without a key where none was shown',
      [
        [0, null],
        [0, null],
      ],
      [1, 1, null],
    ],
    [
      'ends the session of a second user',
      [
        [0, 'a'],
        [0, 'b'],
        [1, 'c'],
      ],
      [1, reuse, reuse, reuse],
    ],
    [
      'ends the session of one who shows no key',
      [
        [0, 'a'],
        [0, null],
      ],
      [1, reuse, reuse],
    ],
    [
      'sends a late message away',
      [
        [0, 'a'],
        [1, 'b'],
        [0, 'a'],
        [2, 'c'],
      ],
      [1, 2, 'refresh_superseded', 3, null],
    ],
    [
      'believes no late message without a key',
      [
        [0, null],
        [1, 'b'],
        [0, null],
      ],
      [1, 2, reuse, reuse],
    ],
    [
      'moves forward with a token that is ahead',
      [
        [5, 'a'],
        [6, 'b'],
        [6, 'b'],
      ],
      [6, 7, 7, null],
    ],
  ])('%s', async (_promise, sent, said) => {
    expect(await answers(...sent)).toEqual(said)
  })
})
