import { createHmac } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { type MockAuthServer, mockAuthServer, virtualClock } from '../src/testing/index.ts'
import { createVerifier, type VerifierOptions } from '../src/verify/index.ts'
import { code } from './support/setup.ts'

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
    expect(Object.isFrozen(claims[0])).toBe(true)
    expect(server.count(jwksPath)).toBe(1)
    expect(await verifier.verify(tokens[0]!)).toBe(await verifier.verify(tokens[0]!))
  })

  it('refuses an expired one also when it was seen before', async () => {
    const { server, verifier, clock } = setup()
    const token = await server.tokens.sign(who)
    await verifier.verify(token)
    await clock.advance(900_000 + 29_000)
    expect(await code(verifier.verify(token))).toBe('fine')
    await clock.advance(2000)
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
