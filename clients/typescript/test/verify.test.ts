import { createHmac, generateKeyPairSync, sign, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type MockAuthServer, mockAuthServer, virtualClock } from '../src/testing/index.ts'
import { derOf } from '../src/verify/ecdsa-form.ts'
import { createVerifier, type VerifierOptions } from '../src/verify/index.ts'
import { keySource } from '../src/verify/keys.ts'
import { verifiedTokens } from '../src/verify/verified.ts'
import { code, eventually, gate } from './support/setup.ts'

const jwksPath = '/.well-known/jwks.json'

function setup(options: Partial<VerifierOptions> = {}) {
  const clock = virtualClock()
  const server = mockAuthServer({ clock })
  const make = (more: Partial<VerifierOptions> = {}) =>
    createVerifier({
      issuer: server.issuer,
      revocation: 'none',
      fetch: server.fetch,
      now: clock.wall,
      ...options,
      ...more,
    })
  return { clock, server, make, verifier: make() }
}

const who = { sub: 'user-1', sid: 'session-1' }
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token whose header or payload is this text, signed with the server's own key. */
async function signedText(
  server: MockAuthServer,
  change: { head?: (text: string) => string; body?: (text: string) => string },
) {
  const token = await server.tokens.sign(who)
  const [head, body] = token.split('.').map((each) => Buffer.from(each, 'base64url').toString()) as [string, string]
  return server.tokens.signText(`${part(change.head?.(head) ?? head)}.${part(change.body?.(body) ?? body)}`)
}

describe('verifying a token', () => {
  it('gives its claims, frozen, after one look at the keys for any number of tokens', async () => {
    const { server, verifier } = setup()
    const tokens = await Promise.all(Array.from({ length: 50 }, () => server.tokens.sign(who)))
    const claims = await Promise.all(tokens.map((each) => verifier.verify(each)))
    expect(claims[0]).toMatchObject({ sub: 'user-1', sid: 'session-1', iss: server.issuer })
    // They are shared by all requests with this token: a handler that could add a role would add it for all.
    expect([claims[0], claims[0]!.roles].every(Object.isFrozen)).toBe(true)
    expect(server.count(jwksPath)).toBe(1)
    expect(await verifier.verify(tokens[0]!)).toBe(await verifier.verify(tokens[0]!))
  })

  it('refuses an expired one also when it was seen before', async () => {
    const { server, verifier, clock } = setup()
    const token = await server.tokens.sign(who)
    await verifier.verify(token)
    await clock.advance(900_000 + 29_999)
    expect(await code(verifier.verify(token))).toBe('fine')
    await clock.advance(1)
    expect(await code(verifier.verify(token))).toBe('token_expired')
    expect(await code(verifier.verify(token))).toBe('token_expired')
  })

  it('asks its issuer for keys, and nobody for metadata', async () => {
    const { server, make } = setup()
    const asked: string[] = []
    const verifier = make({
      fetch: (input, init) => {
        asked.push(String(input instanceof Request ? input.url : input))
        return server.fetch(input, init)
      },
    })
    await verifier.verify(await server.tokens.sign(who))
    expect(asked).toEqual([`${server.issuer}${jwksPath}`])
  })

  const now = Math.floor(Date.UTC(2026, 0, 1) / 1000)
  it.each([
    ['another issuer', { iss: 'https://evil.test' }],
    ['an issuer with a slash', { iss: 'https://auth.test/' }],
    ['another audience', { aud: 'https://other.test' }],
    ['an audience of other things', { aud: ['https://auth.test', 7] }],
    ['an empty subject', { sub: '' }],
    ['a number as subject', { sub: 7 as never }],
    ['no session', { sid: undefined as never }],
    ['no token id', { jti: undefined }],
    ['an expiry that is text', { exp: String(now + 900) }],
    ['an expiry that is no integer', { exp: now + 900.5 }],
    ['a life that is too long', { exp: now + 86_400 }],
    ['an enormous expiry', { exp: 2 ** 55 }],
    ['no expiry', { exp: undefined }],
    ['an issue in the future', { iat: now + 3600, exp: now + 4000 }],
    ['a start in the future', { nbf: now + 3600 }],
    ['a start that is text', { nbf: 'now' }],
    ['roles that are no list', { roles: 'admin' as never }],
    ['roles of other things', { roles: [1] as never }],
    ['an issue before its time', { iat: -1 }],
    ['no time of the login', { auth_time: undefined }],
    ['a login before its time', { auth_time: -1 }],
    ['a session without end', { sid: 'x'.repeat(256) }],
    ['an empty id of its roles', { roles_id: '' }],
    ['a life that is a second too long', { exp: now + 3600 + 31 }],
  ])('refuses %s', async (_name, claims) => {
    const { server, verifier } = setup()
    const token = await server.tokens.sign({ ...who, ...claims })
    expect(['invalid_token']).toContain(await code(verifier.verify(token)))
  })

  it.each([
    ['no algorithm', { alg: 'none' }],
    ['an algorithm in small letters', { alg: 'es256' }],
    ['no algorithm at all', { alg: undefined }],
    ['another kind of token', { typ: 'JWT' }],
    ['a kind that only ends alike', { typ: 'not-at+jwt' }],
    ['no kind', { typ: undefined }],
    ['an unknown key', { kid: 'nobody' }],
    ['a path as key', { kid: '../../dev/null' }],
    ['no key', { kid: undefined }],
    ['a key that it brings along', { jwk: {} }],
    ['an address of keys', { jku: 'https://evil.test' }],
    ['something critical', { crit: ['exp'] }],
    ['another encoding', { b64: false }],
  ])('refuses %s in the header', async (_name, header) => {
    const { server, verifier } = setup()
    expect(await code(verifier.verify(await server.tokens.sign(who, header)))).toBe('invalid_token')
  })

  it.each<[string, Parameters<typeof signedText>[1]]>([
    ['a header that names a member twice', { head: (text) => text.replace('{', '{"alg":"none",') }],
    ['an expiry that is there twice', { body: (text) => text.replace('{', '{"exp":1,') }],
    ['a member that is there twice under another spelling', { body: (text) => text.replace('{', '{"\\u0065xp":1,') }],
    ['a BOM', { body: (text) => `\uFEFF${text}` }],
    ['a list', { body: () => '[]' }],
    ['nothing', { body: () => 'null' }],
    ['half of it', { body: (text) => text.slice(0, 20) }],
    ['deep nesting', { body: (text) => text.replace('{', `{"x":${'['.repeat(20)}${']'.repeat(20)},`) }],
  ])('refuses %s, though rightly signed', async (_name, change) => {
    const { server, verifier } = setup()
    expect(await code(verifier.verify(await signedText(server, change)))).toBe('invalid_token')
  })

  it('accepts what only looks strange', async () => {
    const { server, verifier } = setup()
    for (const longest of [{ sid: 'x'.repeat(255) }, { exp: now + 3600 + 30 }, { iat: now + 30, nbf: now + 30 }]) {
      expect(await code(verifier.verify(await server.tokens.sign({ ...who, ...longest })))).toBe('fine')
    }
    const token = await server.tokens.sign({ ...who, aud: ['https://other.test', server.issuer], note: 'a: "b" \\ c' })
    expect((await verifier.verify(token)).sub).toBe('user-1')
    expect(await code(verifier.verify(await server.tokens.sign(who, { typ: 'application/AT+JWT' })))).toBe('fine')
  })

  it('refuses other ways to write the same token, other shapes, and our public key as a secret', async () => {
    const { server, verifier } = setup()
    const token = await server.tokens.sign(who)
    const [head, body, signature] = token.split('.') as [string, string, string]
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bumped = signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]
    const hmacHead = part({ alg: 'HS256', typ: 'at+jwt', kid: 'test-1' })
    const hmac = createHmac('sha256', JSON.stringify((await server.tokens.jwks()).keys[0])).update(
      `${hmacHead}.${body}`,
    )
    const broken = [
      `${token}=`,
      `${token}\n`,
      ` ${token}`,
      `${head}.${body}`,
      `${head}.${body}.`,
      `${token}.x`,
      `${head}.${body}.${bumped}`,
      `${head}.${body}.${signature.slice(0, -4)}`,
      `${head}.${body}.${Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(1)]).toString('base64url')}`,
      `${head}.${part({ sub: 'admin' })}.${signature}`,
      `${hmacHead}.${body}.${hmac.digest('base64url')}`,
      `${part(Buffer.from([0xff, 0xfe]).toString('latin1'))}.${body}.${signature}`,
      `${Buffer.from([0xff]).toString('base64url')}.${body}.${signature}`,
      'x'.repeat(10_000),
      '',
      7 as never,
      undefined as never,
    ]
    for (const each of broken) expect([each, await code(verifier.verify(each))]).toEqual([each, 'invalid_token'])
    expect(await code(verifier.verify(token))).toBe('fine')
  })

  const good = { issuer: 'https://auth.test', revocation: 'none' }
  const feed = { clientId: 'reader', clientSecret: 'secret', whenUnreachable: 'fail_open' }
  it.each<[unknown, RegExp]>([
    [undefined, /createVerifier needs an object/],
    [{}, /"issuer" must be a URL.* It is not given/],
    [{ ...good, issuer: 'foo' }, /"issuer" must be a URL/],
    [{ ...good, audience: '' }, /"audience" must/],
    [{ ...good, baseUrl: 'foo' }, /"baseUrl" must be a URL/],
    [{ ...good, baseUrl: 'http://auth.test' }, /https only/],
    [{ ...good, revocation: 'feed' }, /"revocation" must be chosen/],
    [{ ...good, revocation: null }, /"revocation" must be chosen/],
    [{ ...good, revocation: {} }, /"clientId" must.* It is not given/],
    [{ ...good, revocation: { ...feed, clientId: undefined } }, /"clientId" must.* It is not given/],
    [{ ...good, revocation: { ...feed, clientSecret: '' } }, /"clientSecret" must/],
    [{ ...good, revocation: { ...feed, whenUnreachable: undefined } }, /"whenUnreachable" must.* It is not given/],
    [{ ...good, revocation: { ...feed, whenUnreachable: 'failclosed' } }, /"fail_open" or "fail_closed"/],
    [{ ...good, revocation: { ...feed, pollMs: Number.NaN } }, /"pollMs" must/],
    [{ ...good, revocation: { ...feed, maxStalenessMs: -1 } }, /"maxStalenessMs" must/],
    [{ ...good, revocation: { ...feed, mode: 'sometimes' } }, /"stream" or "poll"/],
    [{ ...good, revocation: { ...feed, maxStaleness: 5 } }, /no option "maxStaleness"/],
    [{ ...good, algorithms: ['HS256'] }, /"algorithms" must/],
    [{ ...good, algorithms: [] }, /"algorithms" must/],
    [{ ...good, leewaySeconds: Number.NaN }, /"leewaySeconds" must/],
    [{ ...good, leewaySeconds: '30' }, /"leewaySeconds" must/],
    [{ ...good, maxTtlSeconds: 0 }, /"maxTtlSeconds" must/],
    [{ ...good, cache: {} }, /"cache" must/],
    [{ ...good, fetch: 7 }, /"fetch" must/],
    [{ ...good, leeway: 5 }, /no option "leeway"; there are: issuer, audience, /],
    [{ ...good, revocation: { ...feed, mode: 'pol' } }, /"mode" must be "stream" or "poll". It is "pol"\./],
    [{ ...good, revocation: 'a secret' }, /must be chosen: .* It is another text\./],
    [{ ...good, audience: '' }, /It is an empty text\./],
  ])('takes nothing that it does not understand: %j', (options, message) => {
    expect(() => createVerifier(options as VerifierOptions)).toThrow(message)
    expect(() => createVerifier(options as VerifierOptions)).toThrow(
      expect.objectContaining({ code: expect.any(String) }),
    )
  })

  it('takes what is undefined for what is left out, and all that it does understand', () => {
    const everything = { ...feed, maxStalenessMs: 1000, pollMs: 100, mode: 'poll', audience: undefined }
    const { audience, ...revocation } = everything
    const options = {
      ...good,
      audience,
      revocation,
      algorithms: ['RS256'],
      leewaySeconds: 0,
      baseUrl: 'http://localhost:1',
    }
    expect(() => createVerifier(options as never)).not.toThrow()
  })

  it('reads signatures in every form that a key makes, as Node itself would', () => {
    const { privateKey, publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    let short = 0
    for (let round = 0; round < 600; round++) {
      const text = Buffer.from(`text ${round}`)
      const raw = sign('sha256', text, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      if (raw[0] === 0 || raw[32] === 0) short++
      expect(verify('sha256', text, key, derOf(raw))).toBe(true)
      expect(verify('sha256', Buffer.from('other'), key, derOf(raw))).toBe(false)
    }
    expect(short).toBeGreaterThan(0)
    for (const nonsense of [Buffer.alloc(64), Buffer.alloc(64, 0xff)]) {
      expect(verify('sha256', Buffer.from('text'), key, derOf(nonsense))).toBe(false)
    }
  })

  it('remembers what was used lately, and no more than so many', () => {
    const name = (index: number) => `token ${String(index).padStart(40, '0')}`
    const tokens = verifiedTokens<number>()
    for (let index = 0; index < 30_000; index++) {
      tokens.set(name(index), index)
      if (index % 1000 === 0) expect(tokens.get(name(0))).toBe(0)
    }
    const kept = Array.from({ length: 30_000 }, (_each, index) => index).filter(
      (each) => tokens.get(name(each)) === each,
    )
    expect(kept.length).toBeLessThanOrEqual(10_000)
    expect(kept).toContain(0)
    expect(kept).toContain(29_999)
    expect(kept).not.toContain(1)
  })

  it('compares a token as a whole, and not only where it ends', () => {
    const tokens = verifiedTokens<number>()
    tokens.set(`one ${'x'.repeat(32)}`, 1)
    expect(tokens.get(`two ${'x'.repeat(32)}`)).toBeUndefined()
    expect(tokens.get(`one ${'x'.repeat(32)}`)).toBe(1)
    tokens.delete(`one ${'x'.repeat(32)}`)
    expect(tokens.get(`one ${'x'.repeat(32)}`)).toBeUndefined()
    // Also where it was not used lately.
    const few = verifiedTokens<number>(2)
    few.set(`one ${'x'.repeat(32)}`, 1)
    few.set(`one ${'y'.repeat(32)}`, 2)
    expect(few.get(`two ${'x'.repeat(32)}`)).toBeUndefined()
    expect(few.get(`one ${'x'.repeat(32)}`)).toBe(1)
  })

  it('needs a choice about revocations', () => {
    expect(() => createVerifier({ issuer: 'https://auth.test' } as never)).toThrow(/must be chosen/)
    expect(() => createVerifier({ issuer: 'http://auth.test', revocation: 'none' })).toThrow(/https only/)
  })
})

describe('the keys', () => {
  it('are fetched again once for any number of unknown ones, and then not for 30 s', async () => {
    const { server, verifier, clock } = setup()
    await verifier.warm()
    await clock.advance(31_000)
    const flood = await Promise.all(
      Array.from({ length: 1000 }, async (_each, index) => server.tokens.sign(who, { kid: `k${index}` })),
    )
    const codes = await Promise.all(flood.map((each) => code(verifier.verify(each))))
    expect(new Set(codes)).toEqual(new Set(['invalid_token']))
    expect(server.count(jwksPath)).toBe(2)
    await code(verifier.verify(flood[0]!))
    expect(server.count(jwksPath)).toBe(2)
  })

  it('that are new are found, and those of before stay good', async () => {
    const { server, verifier, clock } = setup()
    const before = await server.tokens.sign(who)
    await verifier.verify(before)
    await clock.advance(31_000)
    await server.tokens.rotate()
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
    expect(await code(verifier.verify(before))).toBe('fine')
  })

  it('that are old give no verdict on a key that is not among them while the server cannot be asked', async () => {
    const { server, verifier, clock } = setup()
    await verifier.verify(await server.tokens.sign(who))
    server.always({ do: 'lose_request' })
    await clock.advance(360_000)
    await server.tokens.rotate()
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('verifier_unavailable')
    server.always(null)
    await clock.advance(60_000)
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
  })

  it('outlive an outage of the server by a day, and no longer', async () => {
    const { server, verifier, clock } = setup()
    await verifier.verify(await server.tokens.sign(who))
    server.always({ do: 'lose_request' })
    for (let hours = 0; hours < 23; hours++) {
      await clock.advance(3_600_000)
      const tokens = await Promise.all([server.tokens.sign(who), server.tokens.sign(who)])
      for (const each of tokens) expect(await code(verifier.verify(each))).toBe('fine')
    }
    await clock.advance(2 * 3_600_000)
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('verifier_unavailable')
    server.always(null)
    await clock.advance(60_000)
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
  })

  it('are carried over to another process', async () => {
    const { server, verifier, make } = setup()
    await verifier.warm()
    const other = make({ cache: verifier.exportCache() })
    expect(await code(other.verify(await server.tokens.sign(who)))).toBe('fine')
    await other.warm()
    expect(server.count(jwksPath)).toBe(1)
  })

  it('that were taken away by the server are no longer believed, also for tokens seen before', async () => {
    const { server, verifier, clock } = setup()
    const token = await server.tokens.sign(who)
    await verifier.verify(token)
    await server.tokens.rotate(false)
    await clock.advance(290_000)
    await verifier.verify(token)
    await eventually(async () => (await code(verifier.verify(token))) === 'invalid_token')
  })

  it('are renewed also where every token was seen before', async () => {
    const { server, verifier, clock } = setup()
    const token = await server.tokens.sign({ ...who, exp: Math.floor(clock.wall() / 1000) + 3600 })
    await verifier.verify(token)
    await clock.advance(290_000)
    await verifier.verify(token)
    await eventually(() => server.count(jwksPath) === 2)
    expect(await code(verifier.verify(token))).toBe('fine')
  })

  it('that were exchanged under the same name are looked at anew', async () => {
    const { server, verifier, clock } = setup()
    const token = await server.tokens.sign(who)
    await verifier.verify(token)
    const [other] = (await mockAuthServer({ clock }).tokens.jwks()).keys
    server.script(jwksPath, { do: 'answer', with: () => Response.json({ keys: [{ ...other, kid: 'test-1' }] }) })
    await clock.advance(290_000)
    await verifier.verify(token)
    await eventually(async () => (await code(verifier.verify(token))) === 'invalid_token')
  })

  it('that stay the same stay known, so that no token is looked at anew', async () => {
    const { server, clock } = setup()
    const ports = { fetch: server.fetch, now: clock.wall, onError: () => undefined }
    const keys = keySource({ ...ports, url: server.issuer + jwksPath, algorithms: ['ES256'] })
    const before = await keys.key(((await server.tokens.jwks()).keys[0] as { kid: string }).kid)
    await clock.advance(301_000)
    await server.tokens.rotate()
    await keys.warm()
    expect(keys.export().keys).toHaveLength(2)
    expect(keys.known(before.kid)).toBe(before)
  })

  it('of an earlier run are not fresh for ever, whatever its clock said', async () => {
    const { server, verifier, make, clock } = setup()
    await verifier.warm()
    const { keys } = verifier.exportCache()
    const other = make({ cache: { keys, fetchedAt: clock.wall() + 10 * 365 * 86_400_000 } })
    await other.verify(await server.tokens.sign(who))
    expect(server.count(jwksPath)).toBe(1)
    await clock.advance(301_000)
    await other.warm()
    expect(server.count(jwksPath)).toBe(2)
  })

  it('are asked for as seldom as the server says', async () => {
    const { server, verifier, clock } = setup()
    const keys = JSON.stringify(await server.tokens.jwks())
    const headers = { 'cache-control': 'public, max-age=60' }
    server.script(jwksPath, { do: 'answer', with: () => new Response(keys, { headers }) })
    await verifier.warm()
    await clock.advance(40_000)
    await verifier.warm()
    expect(server.count(jwksPath)).toBe(1)
    await clock.advance(30_000)
    await verifier.warm()
    expect(server.count(jwksPath)).toBe(2)
    await clock.advance(299_000)
    await verifier.warm()
    expect(server.count(jwksPath)).toBe(2)
  })

  it.each([
    ['max-age=0', 25, 31],
    ['max-age=86400', 3590, 3601],
  ])(
    'are asked for no more often than every half minute, and once an hour, whatever the server says: %s',
    async (said, ...at) => {
      const { server, verifier, clock } = setup()
      const keys = JSON.stringify(await server.tokens.jwks())
      const headers = { 'cache-control': said }
      server.script(jwksPath, { do: 'answer', with: () => new Response(keys, { headers }) })
      await verifier.warm()
      const counts: number[] = []
      let before = 0
      for (const seconds of at) {
        await clock.advance((seconds - before) * 1000)
        before = seconds
        await verifier.warm()
        counts.push(server.count(jwksPath))
      }
      expect(counts).toEqual([1, 2])
    },
  )

  it('are asked for ever more seldom while that fails', async () => {
    const errors: unknown[] = []
    const { server, verifier, clock } = setup({ onError: (error) => void errors.push(error) })
    server.always({ do: 'status', status: 503 })
    const token = await server.tokens.sign(who)
    for (let second = 0; second < 60; second++) {
      expect(await code(verifier.verify(token))).toBe('verifier_unavailable')
      await clock.advance(1000)
    }
    // After 5, 10, 20 and 40 s.
    expect(server.count(jwksPath)).toBe(4)
    expect(String(errors[0])).toMatch(/answered 503/)
  })

  it.each([
    ['an empty list', '{"keys":[]}'],
    ['a list of nothing', '{"keys":[null,7,"x",[]]}'],
    ['nothing', 'null'],
    ['keys of no use', '{"keys":[{"kty":"RSA","use":"enc","kid":"x"}]}'],
  ])('stay what they were when the server answers with %s, and nothing breaks', async (_name, text) => {
    const { server, verifier, clock } = setup()
    await verifier.verify(await server.tokens.sign(who))
    server.script(jwksPath, ...Array(3).fill({ do: 'answer', with: () => new Response(text) }))
    for (let round = 1; round < 4; round++) {
      await clock.advance(301_000)
      expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
      await eventually(() => server.count(jwksPath) === round + 1)
      expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
    }
  })

  it('are read no further than they may be long', async () => {
    const { server, verifier } = setup()
    let given = 0
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            given += 65_536
            if (given > 50_000_000) controller.close()
            else controller.enqueue(new Uint8Array(65_536).fill(32))
          },
        }),
      )
    server.script(jwksPath, { do: 'answer', with: endless })
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('verifier_unavailable')
    expect(given).toBeLessThan(1_000_000)
  })

  describe('in a worker of a CDN', () => {
    const edge = { userAgent: 'Cloudflare-Workers' }
    beforeEach(() => {
      jest.replaceProperty(globalThis, 'navigator', edge as Navigator)
    })
    afterEach(() => {
      jest.restoreAllMocks()
    })

    it('are fetched by each request for itself, for what another one began may go away with it', async () => {
      const { server, verifier } = setup()
      const { until, open } = gate()
      server.script(jwksPath, { do: 'wait', until })
      const token = await server.tokens.sign(who)
      const first = code(verifier.verify(token))
      await eventually(() => server.count(jwksPath) === 1)
      expect(await code(verifier.verify(token))).toBe('fine')
      expect(await code(verifier.verify(token))).toBe('fine')
      expect(server.count(jwksPath)).toBe(2)
      open()
      expect(await first).toBe('fine')
    })

    it('are renewed before a request goes on, and go on where that fails', async () => {
      const { server, verifier, clock } = setup()
      await verifier.verify(await server.tokens.sign(who))
      await clock.advance(250_000)
      await verifier.verify(await server.tokens.sign(who))
      expect(server.count(jwksPath)).toBe(2)
      await clock.advance(301_000)
      server.script(jwksPath, { do: 'status', status: 503 })
      expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('fine')
      expect(server.count(jwksPath)).toBe(3)
    })

    it('nothing follows a feed, and the verifier says so at once', () => {
      const { make } = setup()
      const revocation = { clientId: 'reader', clientSecret: 'secret', whenUnreachable: 'fail_open' } as const
      expect(() => make({ revocation })).toThrow(/"revocation" must be "none" in a worker/)
    })
  })

  it('are not fetched from where somebody redirects to', async () => {
    const { server, make } = setup()
    const keys = JSON.stringify(await server.tokens.jwks())
    const asked: string[] = []
    const site = createServer((request, response) => {
      asked.push(request.url!)
      if (request.url === '/keys') response.end(keys)
      else response.writeHead(302, { location: '/keys' }).end()
    })
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    const verifier = make({ baseUrl, fetch })
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('verifier_unavailable')
    expect(asked).toEqual([jwksPath])
    site.close()
    site.closeAllConnections()
  })

  it('of RSA are good from 2048 bits on, with an exponent that is not small', async () => {
    const { server, make, clock } = setup()
    const seconds = Math.floor(clock.wall() / 1000)
    const standard = { iss: server.issuer, aud: server.issuer, client_id: 'c', jti: 'j', roles: [], ...who }
    const times = { iat: seconds, exp: seconds + 900, auth_time: seconds }
    const outcome = async (modulusLength: number, publicExponent: number) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
      const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256', use: 'sig' }
      const text = `${part({ alg: 'RS256', typ: 'at+jwt', kid: 'rsa' })}.${part({ ...standard, ...times })}`
      const token = `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
      server.script(jwksPath, { do: 'answer', with: () => Response.json({ keys: [jwk] }) })
      return code(make({ algorithms: ['RS256'] }).verify(token))
    }
    expect(await outcome(2048, 65_537)).toBe('fine')
    expect(await outcome(1024, 65_537)).toBe('invalid_token')
    expect(await outcome(2048, 3)).toBe('invalid_token')
  })

  it.each([
    ['status 500', new Response('', { status: 500 })],
    ['a page', new Response('<html>')],
    ['no list', new Response('{}')],
    ['too many keys', new Response(JSON.stringify({ keys: Array(101).fill({}) }))],
    ['too much of everything', new Response(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
  ])('that come as %s are none: 503, not 401', async (_name, answer) => {
    const { server, verifier } = setup()
    server.script(jwksPath, { do: 'answer', with: () => answer })
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('verifier_unavailable')
  })

  it('that are for something else, too weak or broken are not used', async () => {
    const { server, make } = setup()
    const good = (await server.tokens.jwks()).keys[0] as Record<string, unknown>
    const bad = [
      { ...good, use: 'enc' },
      { ...good, key_ops: ['encrypt'] },
      { ...good, alg: 'RS256' },
      { ...good, kid: 7 },
      { ...good, x: 'AAAA' },
      { kty: 'oct', k: 'AAAA', alg: 'HS256', kid: good.kid },
      { kty: 'RSA', alg: 'RS256', kid: good.kid, e: 'AQ', n: Buffer.alloc(256, 0xff).toString('base64url') },
    ]
    const verifier = make({ algorithms: ['ES256', 'RS256'] })
    server.script(jwksPath, { do: 'answer', with: () => new Response(JSON.stringify({ keys: bad })) })
    expect(await code(verifier.verify(await server.tokens.sign(who)))).toBe('invalid_token')
  })
})

describe('a wall clock that is set back', () => {
  it('does not keep the keys from being fetched', async () => {
    const { server, clock } = setup()
    let behind = 0
    const ports = { fetch: server.fetch, now: () => clock.wall() - behind, onError: () => undefined }
    const keys = keySource({ ...ports, url: server.issuer + jwksPath, algorithms: ['ES256'] })
    await keys.warm()
    behind = 86_400_000
    await clock.advance(0)
    keys.known('x')
    await clock.advance(301_000)
    await server.tokens.rotate()
    const { keys: now } = await server.tokens.jwks()
    for (const { kid } of now as { kid: string }[]) expect(await keys.key(kid)).toBeTruthy()
  })
})
