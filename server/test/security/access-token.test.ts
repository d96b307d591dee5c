import assert from 'node:assert/strict'
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { unseal } from '../../src/domain/keys/seal.ts'
import { listSigningKeys } from '../../src/domain/keys/store.ts'
import { type AccessClaims, verifyAccessToken } from '../../src/domain/tokens/access-token.ts'
import { newId } from '../../src/random.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/**
 * The negative matrix of tokens: everything here is signed with the server's own key, so that nothing but the rule in
 * question can refuse it. Each case is shown to the verifier itself and to the route.
 */

type Json = Record<string, unknown>

const b64 = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString('base64url')

describe('access tokens that must not pass', () => {
  let server: TestServer
  let drop: () => Promise<void>
  let key: KeyObject
  let kid: string
  let publicJwk: Json
  let claims: AccessClaims
  let refreshToken: string

  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url)
    const [row] = await listSigningKeys(server.app.database.db)
    kid = row!.kid
    publicJwk = JSON.parse(row!.public_jwk)
    const secret = unseal(server.app.masterKeys, kid, row!.sealed_private)!
    key = createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' })
    const somebody = await registerSomebody(server)
    refreshToken = somebody.refresh_token
    claims = JSON.parse(Buffer.from(somebody.access_token.split('.')[1]!, 'base64url').toString())
  })
  after(async () => {
    await server.close()
    await drop()
  })

  const signature = (input: string) => sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  const goodHeader = () => ({ alg: 'ES256', typ: 'at+jwt', kid })
  /** Header and payload as they are given, texts untouched, rightly signed. */
  function signed(header: Json | string | Uint8Array, payload: Json | string | Uint8Array): string {
    const part = (value: Json | string | Uint8Array) =>
      b64(typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value))
    const input = `${part(header)}.${part(payload)}`
    return `${input}.${b64(signature(input))}`
  }
  const withHeader = (changes: Json) => signed({ ...goodHeader(), ...changes }, claims)
  const withClaims = (changes: Json) => signed(goodHeader(), { ...claims, ...changes })
  const without = (name: string) => {
    const { [name]: _left, ...rest } = claims as unknown as Json
    return signed(goodHeader(), rest)
  }
  /** The claims as text, with one member written differently. */
  const rawClaims = (name: string, raw: string) =>
    JSON.stringify(claims).replace(new RegExp(`"${name}":("[^"]*"|\\[[^\\]]*\\]|[^,}]*)`), `"${name}":${raw}`)
  const withRaw = (name: string, raw: string) => signed(goodHeader(), rawClaims(name, raw))
  const now = () => Math.floor(server.clock.now() / 1000)

  const validate = (token: string) => server.call('GET', '/v1/auth/validate', { token })
  const verify = (token: string) => verifyAccessToken(token, server.app.accessTokenRules, now())

  async function passes(token: string, what: string) {
    const verdict = verify(token)
    assert.ok(verdict.ok, `${what}: ${JSON.stringify(verdict)}`)
    assert.equal((await validate(token)).status, 200, what)
  }

  async function fails(token: string, what: string, code = 'invalid_token') {
    const before = process.cpuUsage()
    assert.equal(verify(token).ok, false, what)
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 500_000, `${what} took ${user + system} µs of the processor`)
    // What no header can carry never reaches the route.
    if (token.length > 12_000 || /[^\x20-\x7e]/.test(token) || token === '') return
    const answer = await validate(token)
    assert.equal(answer.status, 401, `${what}: ${answer.status} ${answer.text}`)
    assert.equal(answer.body.code, code, what)
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"', what)
  }

  /** Alike in name, apart in one thing. */
  async function allFail(cases: Record<string, string>) {
    for (const [what, token] of Object.entries(cases)) await fails(token, what)
  }

  it('T0: what is signed by hand as the server signs it passes, so that the rest means something', async () => {
    await passes(signed(goodHeader(), claims as unknown as Json), 'by hand')
    await passes(withHeader({ typ: 'application/AT+JWT' }), 'typ is compared without case')
    await passes(withClaims({ nbf: undefined }), 'nbf is optional')
  })

  it('T1: no algorithm, in every spelling', async () => {
    const input = (alg: unknown) => `${b64(JSON.stringify({ ...goodHeader(), alg }))}.${b64(JSON.stringify(claims))}`
    for (const alg of ['none', 'None', 'nOnE', 'NONE', '', null, 1, true, ['ES256'], {}, undefined]) {
      await fails(`${input(alg)}.`, `alg ${JSON.stringify(alg)}, no signature`)
      await fails(`${input(alg)}.${b64(signature(input(alg)))}`, `alg ${JSON.stringify(alg)}, signed`)
    }
    await fails(`${input('ES256')}.`, 'empty signature')
    await fails(`${input('ES256')}.${b64(Buffer.alloc(64))}`, 'r = s = 0')
    const der = sign('sha256', Buffer.from(input('ES256')), key)
    await fails(`${input('ES256')}.${b64(der)}`, 'a signature in DER')
  })

  it('T2: a shared secret made of the public key', async () => {
    const object = createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
    const pem = object.export({ type: 'spki', format: 'pem' }) as string
    const secrets: Record<string, string | Buffer> = {
      PEM: pem,
      'newline and PEM': `\n${pem}`,
      'PEM without its last newline': pem.trimEnd(),
      DER: object.export({ type: 'spki', format: 'der' }),
      'raw x and y': Buffer.concat([
        Buffer.from(publicJwk.x as string, 'base64url'),
        Buffer.from(publicJwk.y as string, 'base64url'),
      ]),
      JWK: JSON.stringify(publicJwk),
      empty: '',
    }
    for (const [what, secret] of Object.entries(secrets)) {
      for (const alg of ['HS256', 'ES256']) {
        const input = `${b64(JSON.stringify({ ...goodHeader(), alg }))}.${b64(JSON.stringify(claims))}`
        await fails(`${input}.${b64(createHmac('sha256', secret).update(input).digest())}`, `${what} as ${alg}`)
      }
    }
  })

  it('T3: another spelling of the algorithm, and every other algorithm', async () => {
    for (const alg of ['es256', 'Es256', 'ES256 ', 'ES384', 'ES512', 'ES256K', 'RS256', 'PS256', 'EdDSA', 'Ed25519']) {
      await fails(withHeader({ alg }), alg)
    }
  })

  it('T4: a member of the header twice', async () => {
    const header = JSON.stringify(goodHeader())
    await allFail({
      'alg none first': signed(header.replace('{', '{"alg":"none",'), claims as unknown as Json),
      'alg none last': signed(header.replace('}', ',"alg":"none"}'), claims as unknown as Json),
      'alg twice alike': signed(header.replace('{', '{"alg":"ES256",'), claims as unknown as Json),
      'alg twice, once escaped': signed(header.replace('{', '{"\\u0061lg":"none",'), claims as unknown as Json),
      'kid twice': signed(header.replace('{', '{"kid":"x",'), claims as unknown as Json),
    })
  })

  it('T5: a key that the token brings along or points at; nothing is fetched', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = own.publicKey.export({ format: 'jwk' })
    const url = `${server.address}/fetched`
    const before = server.log.length
    for (const extra of [
      { jwk },
      { jku: url },
      { x5u: url },
      { x5c: ['MII='] },
      { x5t: 'AAAA' },
      { jku: 'file:///etc/passwd' },
    ]) {
      await fails(withHeader(extra), `${Object.keys(extra)} with our signature`)
      const input = `${b64(JSON.stringify({ ...goodHeader(), ...extra }))}.${b64(JSON.stringify(claims))}`
      const foreign = sign('sha256', Buffer.from(input), { key: own.privateKey, dsaEncoding: 'ieee-p1363' })
      await fails(`${input}.${b64(foreign)}`, `${Object.keys(extra)} with its own signature`)
    }
    const asked = server.log
      .slice(before)
      .filter(({ route, msg }) => msg === 'request' && route !== '/v1/auth/validate')
    assert.deepEqual(asked, [])
  })

  it('T6: a kid that is no plain name of a key we have', async () => {
    for (const odd of [
      {},
      [],
      [kid],
      null,
      1,
      true,
      '',
      '../../dev/null',
      `${kid}\0`,
      ` ${kid}`,
      `${kid} `,
      "' OR 1=1--",
      '__proto__',
      'constructor',
      'toString',
      'k'.repeat(65),
      'unknown',
      undefined,
    ]) {
      await fails(withHeader({ kid: odd }), `kid ${JSON.stringify(odd)}`)
    }
  })

  it('T7: crit, whatever it says', async () => {
    for (const crit of [['exp'], ['b64'], [], ['unknown'], 'exp', null])
      await fails(withHeader({ crit }), JSON.stringify(crit))
    await fails(withHeader({ crit: ['exp'], exp: 1 }), 'crit with its member')
  })

  it('T8: an unencoded payload', async () => {
    await allFail({
      'b64 false': withHeader({ b64: false }),
      'b64 true': withHeader({ b64: true }),
      'b64 false, critical': withHeader({ crit: ['b64'], b64: false }),
      'b64 true, critical': withHeader({ crit: ['b64'], b64: true }),
    })
  })

  it('T9: another kind of token by its typ', async () => {
    for (const typ of [
      'JWT',
      'jwt',
      undefined,
      '',
      null,
      1,
      ['at+jwt'],
      'logout+jwt',
      'dpop+jwt',
      'secevent+jwt',
      'text/at+jwt',
      'at+jwt ',
      'at jwt',
      'application/application/at+jwt',
      'xat+jwt',
    ]) {
      await fails(withHeader({ typ }), `typ ${JSON.stringify(typ)}`)
    }
  })

  const times = ['exp', 'iat', 'auth_time', 'nbf'] as const

  it('T10–T13: times that are no whole seconds', async () => {
    for (const name of times) {
      const at = String(claims[name] ?? claims.iat)
      const odd = [
        `${at}.5`,
        `"${at}"`,
        '1e999',
        '-1e999',
        String(2 ** 55),
        String(2 ** 80),
        '-1',
        'null',
        'true',
        `[${at}]`,
        '{}',
        '""',
        '1e-1',
      ]
      for (const raw of odd) await fails(withRaw(name, raw), `${name} ${raw}`)
    }
    for (const name of ['exp', 'iat', 'auth_time']) await fails(without(name), `no ${name}`)
    // 1.0 and 1e0 are whole numbers to JSON: no reader could tell them from 1.
    await passes(withRaw('exp', `${claims.exp}.0`), 'exp with a zero after the point')
  })

  it('T14: a claim twice', async () => {
    const text = JSON.stringify(claims)
    await allFail({
      'exp, the last one valid': signed(goodHeader(), text.replace('{', '{"exp":1,')),
      'exp, the first one valid': signed(goodHeader(), text.replace(/}$/, `,"exp":${claims.exp + 9}}`)),
      'sub in escapes': signed(goodHeader(), text.replace('{', '{"\\u0073ub":"somebody else",')),
      __proto__: signed(goodHeader(), text.replace('{', '{"__proto__":{"roles":["admin"]},')),
    })
  })

  it('T15: issued in the future, not yet valid, expired, or living longer than we let any', async () => {
    const life = claims.exp - claims.iat
    const at = (iat: number, changes: Json = {}) => withClaims({ iat, nbf: iat, exp: iat + life, ...changes })
    await allFail({
      'iat in a year': at(now() + 365 * 86_400),
      'iat in a day': at(now() + 86_400),
      'iat just beyond the leeway': at(now() + 35),
      'nbf in a minute': withClaims({ nbf: now() + 60 }),
      'a day too long': withClaims({ exp: claims.iat + life + 86_400 }),
      // An hour is the most that any setting gives, and what former settings gave stays good.
      'just too long': withClaims({ exp: claims.iat + 3600 + 31 }),
    })
    await fails(at(now() - life - 35), 'expired just beyond the leeway', 'token_expired')
    await fails(at(now() - 10 * 365 * 86_400), 'expired long ago', 'token_expired')
    await passes(at(now() + 25), 'iat within the leeway')
    await passes(at(now() - life - 20), 'expired within the leeway')
  })

  it('T16: meant for somebody else', async () => {
    const own = claims.aud
    await passes(withClaims({ aud: [own] }), 'a list of ours')
    await passes(withClaims({ aud: ['https://other.example', own] }), 'a list with ours')
    const odd = [
      'https://other.example',
      `${own}/`,
      own.toUpperCase(),
      '',
      null,
      1,
      true,
      {},
      [],
      [own, 1],
      [own, null],
      [[own]],
      [own, {}],
      ['https://other.example'],
      `${own} `,
      undefined,
    ]
    for (const aud of odd) await fails(withClaims({ aud }), `aud ${JSON.stringify(aud)}`)
  })

  it('T17: issued by somebody else', async () => {
    const own = claims.iss
    const odd = [
      `${own}/`,
      own.replace('https', 'http'),
      own.toUpperCase(),
      [own],
      '',
      null,
      1,
      {},
      `${own}.evil.example`,
      `${own}:443`,
      undefined,
    ]
    for (const iss of odd) await fails(withClaims({ iss }), `iss ${JSON.stringify(iss)}`)
  })

  it('T18: about nobody', async () => {
    for (const name of ['sub', 'jti', 'sid', 'client_id']) {
      for (const odd of ['', null, 1, true, [], [newId(1)], {}, 'a'.repeat(256), undefined]) {
        await fails(withClaims({ [name]: odd }), `${name} ${JSON.stringify(odd)?.slice(0, 30)}`)
      }
    }
    for (const roles of [undefined, null, 'admin', { admin: true }, [1], ['admin', null], [['admin']]]) {
      await fails(withClaims({ roles }), `roles ${JSON.stringify(roles)}`)
    }
  })

  it('T19–T22: claims that are no object, or no JSON', async () => {
    for (const payload of [
      '[]',
      `[${JSON.stringify(claims)}]`,
      'null',
      '"text"',
      '1',
      'true',
      ' ',
      '{',
      '{}',
      `${JSON.stringify(claims)}x`,
      `${JSON.stringify(claims)},`,
    ]) {
      await fails(signed(goodHeader(), payload), payload.slice(0, 20))
      await fails(signed(payload, claims as unknown as Json), `header ${payload.slice(0, 20)}`)
    }
    const text = JSON.stringify(claims)
    await fails(signed(goodHeader(), `\ufeff${text}`), 'T20: a byte-order mark')
    await fails(signed(`\ufeff${JSON.stringify(goodHeader())}`, text), 'T20: a byte-order mark in the header')
    await fails(
      signed(
        goodHeader(),
        Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xfe]), Buffer.from(`",${text.slice(1)}`)]),
      ),
      'T21: broken UTF-8',
    )
    await fails(signed(goodHeader(), Buffer.from(text, 'utf16le')), 'T21: UTF-16')
    const deep = `{"x":${'['.repeat(2000)}${']'.repeat(2000)},${text.slice(1)}`
    await fails(signed(goodHeader(), deep), 'T22: nested deeply')
    await fails(
      signed(goodHeader(), `{"x":${'['.repeat(20_000)}${']'.repeat(20_000)},${text.slice(1)}`),
      'T22: 20 000 deep',
    )
    await fails(signed(goodHeader(), `{"x":${'['.repeat(8)}${']'.repeat(8)},${text.slice(1)}`), 'T22: nine deep')
    await passes(signed(goodHeader(), `{"x":${'['.repeat(7)}${']'.repeat(7)},${text.slice(1)}`), 'eight deep')
  })

  it('T23–T25: another spelling of the same bytes', async () => {
    const good = signed(goodHeader(), claims as unknown as Json)
    const [header, payload, last] = good.split('.') as [string, string, string]
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bumped = alphabet[alphabet.indexOf(last.at(-1)!) ^ 1]!
    assert.ok(Buffer.from(last.slice(0, -1) + bumped, 'base64url').equals(Buffer.from(last, 'base64url')))
    await allFail({
      'trailing bits': `${header}.${payload}.${last.slice(0, -1)}${bumped}`,
      padding: `${good}==`,
      'padding in the middle': `${header}==.${payload}.${last}`,
      'a blank in the signature': `${header}.${payload}.${last.slice(0, 9)} ${last.slice(9)}`,
      'a newline at the end': `${good}\n`,
      'a newline within': `${header}.\n${payload}.${last}`,
      'a tab at the start': `\t${good}`,
      'the standard alphabet': `${header}.${payload}.${Buffer.from(last, 'base64url').toString('base64')}`,
      'one byte more': `${header}.${payload}.${b64(Buffer.concat([Buffer.from(last, 'base64url'), Buffer.from([0])]))}`,
      'one byte less': `${header}.${payload}.${b64(Buffer.from(last, 'base64url').subarray(0, 63))}`,
      'a percent escape': `${header}%2e${payload}.${last}`,
      'a wide letter': `${header}.${payload}.${last}é`,
    })
  })

  it('T26: the twin of an ES256 signature passes, and its revocation hits both', async () => {
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    const somebody = await registerSomebody(server)
    const [header, payload, last] = somebody.access_token.split('.') as [string, string, string]
    const bytes = Buffer.from(last, 'base64url')
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')])
    const token = `${header}.${payload}.${b64(twin)}`
    assert.notEqual(token, somebody.access_token)
    await passes(token, 'the twin')
    await server.call('POST', '/v1/auth/logout', { token: somebody.access_token, body: {} })
    for (const each of [token, somebody.access_token]) assert.equal((await validate(each)).body.code, 'token_revoked')
  })

  it('T27: more than eight kilobytes, refused before they are read', async () => {
    await fails(withClaims({ x: 'a'.repeat(8192) }), '11 KB')
    await fails(withClaims({ x: 'a'.repeat(5_000_000) }), '5 MB')
    const response = await fetch(`${server.address}/v1/auth/validate`, {
      headers: { authorization: `Bearer ${withClaims({ x: 'a'.repeat(50_000) })}` },
    })
    assert.equal(response.status, 431)
  })

  it('T31: other numbers of parts, and the JSON forms', async () => {
    const good = signed(goodHeader(), claims as unknown as Json)
    const [header, payload, last] = good.split('.') as [string, string, string]
    await allFail({
      'two parts': `${header}.${payload}`,
      'four parts': `${good}.${last}`,
      'five parts, as an encrypted token has': `${good}.${last}.${last}`,
      'an empty part first': `.${payload}.${last}`,
      'an empty payload': `${header}..${last}`,
      'only dots': '..',
      nothing: '',
      'flattened JSON': JSON.stringify({ protected: header, payload, signature: last }),
      'general JSON': JSON.stringify({ payload, signatures: [{ protected: header, signature: last }] }),
      'two tokens': `${good},${good}`,
    })
  })

  it('T32: members that would make a reader work', async () => {
    await allFail({
      p2c: withHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2 ** 31 - 1, p2s: 'AAAA' }),
      zip: withHeader({ zip: 'DEF' }),
      enc: withHeader({ enc: 'A256GCM' }),
      cty: withHeader({ cty: 'JWT' }),
      epk: withHeader({ epk: {} }),
    })
  })

  it('T33: every other kind of token of ours', async () => {
    await fails(refreshToken, 'a refresh token')
    const idToken = withHeader({ typ: 'id+jwt' })
    await fails(idToken, 'an ID token')
    await fails(b64(JSON.stringify(publicJwk)), 'a public key')
  })

  it('answers all of them with the same words', async () => {
    const texts = new Set<string>()
    for (const token of [
      withHeader({ alg: 'none' }),
      withClaims({ aud: 'x' }),
      withHeader({ kid: 'x' }),
      'a.b.c',
      'x',
    ]) {
      const { body } = await validate(token)
      delete body.request_id
      texts.add(JSON.stringify(body))
    }
    assert.equal(texts.size, 1)
  })

  it('writes why to the log, and never the token', async () => {
    const token = withClaims({ aud: 'https://canary.example' })
    const from = server.log.length
    await validate(token)
    const lines = server.log.slice(from)
    assert.ok(lines.some(({ reason, msg }) => msg === 'access token refused' && reason === 'aud'))
    assert.doesNotMatch(JSON.stringify(lines), /canary|eyJ/)
  })
})

describe('keys that must not be loaded', () => {
  it('T28–T30: are none of ours: each is made here, sealed, and of one algorithm with a full-sized modulus', async () => {
    for (const [algorithm, expected] of [
      ['ES256', { kty: 'EC', crv: 'P-256' }],
      ['EdDSA', { kty: 'OKP', crv: 'Ed25519' }],
      ['RS256', { kty: 'RSA', e: 'AQAB' }],
    ] as const) {
      const fresh = await freshDatabase('SQLite')
      const server = await startTestServer(fresh.url, { settings: { SIGNING_ALGORITHM: algorithm } })
      try {
        const [jwk] = server.app.keyring.jwks().keys
        for (const [name, value] of Object.entries(expected)) assert.equal(jwk![name], value, algorithm)
        assert.equal(jwk!.alg, algorithm)
        assert.equal(jwk!.use, 'sig')
        if (algorithm === 'RS256') assert.ok(Buffer.from(jwk!.n as string, 'base64url').length >= 256)
      } finally {
        await server.close()
        await fresh.drop()
      }
    }
  })
})

describe('access tokens as others read them', () => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
    it(`have the shape of RFC 9068 and verify with an independent library: ${algorithm}`, async () => {
      const fresh = await freshDatabase('SQLite')
      const server = await startTestServer(fresh.url, { settings: { SIGNING_ALGORITHM: algorithm } })
      try {
        const somebody = await registerSomebody(server)
        const jwks = (await server.call('GET', '/.well-known/jwks.json')).body
        const { issuer } = (await server.call('GET', '/.well-known/oauth-authorization-server')).body
        const { payload, protectedHeader } = await jwtVerify(somebody.access_token, createLocalJWKSet(jwks), {
          issuer,
          audience: issuer,
          typ: 'at+jwt',
          algorithms: [algorithm],
          requiredClaims: ['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'sid', 'auth_time', 'roles'],
        })
        assert.deepEqual(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
        assert.equal(payload.sub, somebody.user.id)
        assert.equal(payload.sid, somebody.session_id)
        assert.equal(payload.exp! - payload.iat!, 900)
        assert.equal(payload.client_id, 'ntt-auth')
        assert.doesNotMatch(JSON.stringify(payload), /example\.com"?[,}].*@|person-/, 'no personal data')
        assert.ok(somebody.access_token.length < 4096)
        const { status, body } = await server.call('GET', '/v1/auth/validate', { token: somebody.access_token })
        assert.equal(status, 200)
        assert.deepEqual(body.claims, payload)
        // A token of one server is nothing to another that has the same issuer and other keys.
        const other = await freshDatabase('SQLite')
        const stranger = await startTestServer(other.url, { settings: { SIGNING_ALGORITHM: algorithm } })
        const refused = await stranger.call('GET', '/v1/auth/validate', { token: somebody.access_token })
        assert.equal(refused.body.code, 'invalid_token')
        await stranger.close()
        await other.drop()
      } finally {
        await server.close()
        await fresh.drop()
      }
    })
  }

  it('stay below four kilobytes however many roles a user has', async () => {
    const fresh = await freshDatabase('SQLite')
    const server = await startTestServer(fresh.url)
    try {
      const somebody = await registerSomebody(server)
      const roles = JSON.stringify(Array.from({ length: 20 }, (_, index) => `role-${index}`.padEnd(63, 'x')))
      await server.app.database.db.updateTable('users').set({ roles }).execute()
      const { body } = await server.call('POST', '/v1/auth/login', {
        body: { email: somebody.email, password: somebody.password },
      })
      assert.ok(body.access_token.length < 4096, `${body.access_token.length} bytes`)
    } finally {
      await server.close()
      await fresh.drop()
    }
  })
})
