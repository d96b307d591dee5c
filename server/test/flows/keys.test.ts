import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { listSigningKeys } from '../../src/domain/keys/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { rotateKeys } from '../../src/flows/rotate-keys.ts'
import { tendKeys } from '../../src/flows/tend-keys.ts'
import { createLog } from '../../src/log.ts'
import { randomToken } from '../../src/random.ts'
import { startApp } from '../../src/start.ts'
import { onEachDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer, testMasterKey } from '../support/server.ts'
import { describeQuickFlow, eventually, keyA, keyB, logIn, minute, problem, refresh, validate } from './flow-server.ts'

const otherMasterKey = randomToken(32)
const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
const headerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())
const keysOf = async (server: TestServer) =>
  (await listSigningKeys(server.app.database.db)).map(({ kid, algorithm, state }) => ({ kid, algorithm, state }))

describeQuickFlow('signing keys', (flow) => {
  it('keeps its key when it starts again', async () => {
    const one = await registerSomebody(flow.server)
    const before = await keysOf(flow.server)
    assert.deepEqual(before.map(({ state }) => state).sort(), ['active', 'next'])
    const again = await flow.start()
    try {
      assert.deepEqual(await keysOf(again), before)
      assert.equal((await validate(again, one.access_token)).status, 200)
      assert.equal(kidOf((await logIn(again, one.email)).body.access_token), kidOf(one.access_token))
    } finally {
      await again.close()
    }
  })

  it('publishes its keys for everybody, and no private part', async () => {
    const one = await registerSomebody(flow.server)
    const { body, text, headers } = await flow.server.call('GET', '/.well-known/jwks.json')
    assert.equal(headers.get('cache-control'), 'public, max-age=300')
    const { payload } = await jwtVerify(one.access_token, createLocalJWKSet(body), {
      issuer: 'https://auth.example.com',
      audience: 'https://auth.example.com',
      typ: 'at+jwt',
    })
    assert.equal(payload.sub, one.user.id)
    for (const key of body.keys)
      assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    assert.equal(/"d"|"p"|"q"/.test(text), false)
    const [row] = await listSigningKeys(flow.server.app.database.db)
    assert.equal(row!.sealed_private.includes(Buffer.from('-----BEGIN')), false)
  })

  it('does not start under another master key, says how to mend it, and changes nothing', async () => {
    const before = await listSigningKeys(flow.server.app.database.db)
    for (const algorithm of ['ES256', 'EdDSA']) {
      const env = {
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: flow.dataDir,
        NTT_AUTH_MASTER_KEY: otherMasterKey,
        NTT_AUTH_SIGNING_ALGORITHM: algorithm,
      }
      const app = await createApp(loadConfig({ env, flags: {} }).config, createLog('error'), flow.server.clock)
      try {
        await assert.rejects(
          startApp(app),
          /The master key does not open the signing key \S+: it is not the one this database was used with\. Start with the former NTT_AUTH_MASTER_KEY/,
        )
      } finally {
        await app.close()
      }
      assert.deepEqual(await listSigningKeys(flow.server.app.database.db), before)
    }
  })

  it('goes on when a new master key is put in front: old tokens and keys are still good', async () => {
    const one = await registerSomebody(flow.server)
    const both = await flow.start({ settings: { MASTER_KEY: `${otherMasterKey},${testMasterKey}` } })
    try {
      assert.equal((await validate(both, one.access_token)).status, 200)
      const next = await refresh(both, one.refresh_token, keyA)
      assert.deepEqual([next.status, next.body.generation], [200, 1])
      assert.equal((await validate(flow.server, next.body.access_token)).status, 200)
      // Made under the new master key, which the old server does not have.
      assert.equal(problem(await refresh(flow.server, next.body.refresh_token, keyA)), '401 invalid_refresh_token')
      assert.equal((await refresh(both, next.body.refresh_token, keyA)).body.generation, 2)
    } finally {
      await both.close()
    }
  })

  it('publishes a key for another algorithm before it signs, and the old one goes on verifying', async () => {
    const one = await registerSomebody(flow.server)
    const changed = await flow.start({ settings: { SIGNING_ALGORITHM: 'EdDSA' } })
    try {
      await tendKeys(changed.app)
      const states = async () => (await keysOf(changed)).map(({ algorithm, state }) => `${algorithm} ${state}`).sort()
      assert.deepEqual(await states(), ['ES256 active', 'EdDSA next'])
      const between = (await refresh(changed, one.refresh_token, keyA)).body
      assert.equal(headerOf(between.access_token).alg, 'ES256')
      const { body: cachedSet } = await changed.call('GET', '/.well-known/jwks.json')

      // As long as a verifier may keep that set.
      flow.server.clock.advance(10 * minute)
      await tendKeys(changed.app)
      assert.deepEqual(await states(), ['ES256 retiring', 'EdDSA active', 'EdDSA next'])
      const fresh = (await refresh(changed, between.refresh_token, keyB)).body.access_token
      assert.equal(headerOf(fresh).alg, 'EdDSA')
      const options = { currentDate: new Date(flow.server.clock.now()) }
      for (const token of [one.access_token, between.access_token, fresh]) {
        await jwtVerify(token, createLocalJWKSet(cachedSet), options)
        assert.equal((await validate(changed, token)).status, 200)
      }
      // The node that still runs knows the key since it was published, and signs with it within a moment.
      assert.equal((await validate(flow.server, fresh)).status, 200)
      await eventually(
        async () => kidOf((await logIn(flow.server, one.email)).body.access_token) === kidOf(fresh),
        8000,
      )
    } finally {
      await changed.close()
    }
  })

  it('a removed key verifies nothing any more, though the token was seen before', async () => {
    const one = await registerSomebody(flow.server)
    assert.equal((await validate(flow.server, one.access_token)).status, 200)
    const { db } = flow.server.app.database
    const kid = kidOf(one.access_token)
    const set = (state: 'active' | 'removed') =>
      db.updateTable('signing_keys').set({ state }).where('kid', '=', kid).execute()
    await set('removed')
    flow.server.app.keyring.load(await listSigningKeys(db))
    assert.equal(problem(await validate(flow.server, one.access_token)), '401 invalid_token')
    const login = await logIn(flow.server, one.email)
    assert.deepEqual([problem(login), login.headers.get('retry-after')], ['503 unavailable', '1'])
    await set('active')
    flow.server.app.keyring.load(await listSigningKeys(db))
    assert.equal((await validate(flow.server, one.access_token)).status, 200)
  })

  it('a token outlives the turn of its key, also where the life of tokens was made shorter since it was given', async () => {
    const { clock } = flow.server
    const former = await flow.start({ settings: { ACCESS_TOKEN_TTL: '1h' } })
    const { access_token } = await registerSomebody(former)
    await former.close()
    const shorter = await flow.start({ settings: { ACCESS_TOKEN_TTL: '10s' } })
    try {
      await rotateKeys(shorter.app, operatorAct, { now: true })
      clock.advance(59 * minute)
      await tendKeys(shorter.app)
      assert.equal((await validate(shorter, access_token)).status, 200)
      const { body } = await shorter.call('GET', '/.well-known/jwks.json')
      await jwtVerify(access_token, createLocalJWKSet(body), { currentDate: new Date(clock.now()) })
      // Nothing is kept for ever.
      const isKept = async () => (await keysOf(shorter)).some(({ kid }) => kid === kidOf(access_token))
      // Until no clock that is half a minute behind, of a node that signs or of one that verifies, needs it.
      clock.advance(2 * minute - 5000)
      await tendKeys(shorter.app)
      assert.equal(await isKept(), true)
      clock.advance(minute)
      await tendKeys(shorter.app)
      assert.equal(await isKept(), false)
    } finally {
      await shorter.close()
    }
  })
})

onEachDatabase((_name, url) => {
  it('two servers that start at once on an empty database end with one active key and one next, and read each other', async () => {
    const servers = await Promise.all([startTestServer(url()), startTestServer(url()), startTestServer(url())])
    try {
      const [first] = servers
      const keys = await keysOf(first!)
      assert.deepEqual(keys.map(({ state }) => state).sort(), ['active', 'next'])
      for (const from of servers) {
        const { access_token } = await registerSomebody(from)
        for (const to of servers) assert.equal((await validate(to, access_token)).status, 200)
      }
    } finally {
      for (const server of servers) await server.close()
    }
  })
})

for (const algorithm of ['EdDSA', 'RS256']) {
  describeQuickFlow(
    `a server that signs by ${algorithm}`,
    (flow) => {
      it('registers, validates, refreshes and logs out, and others can verify its tokens', async () => {
        const { server } = flow
        const one = await registerSomebody(server)
        assert.equal(headerOf(one.access_token).alg, algorithm)
        assert.equal((await validate(server, one.access_token)).status, 200)
        const { body } = await server.call('GET', '/.well-known/jwks.json')
        await jwtVerify(one.access_token, createLocalJWKSet(body), { typ: 'at+jwt' })
        const next = (await refresh(server, one.refresh_token, keyA)).body
        const [header, payload, signature] = next.access_token.split('.')
        const altered = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
        assert.equal(problem(await validate(server, `${header}.${payload}.${altered}`)), '401 invalid_token')
        await server.call('POST', '/v1/auth/logout', { body: { refresh_token: next.refresh_token } })
        assert.equal(problem(await validate(server, next.access_token)), '401 token_revoked')
      })
    },
    { settings: { SIGNING_ALGORITHM: algorithm } },
  )
}
