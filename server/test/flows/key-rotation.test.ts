import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { sweep } from '../../src/chores/sweep.ts'
import { keyReader } from '../../src/domain/keys/reader.ts'
import { findSigningKey, listSigningKeys } from '../../src/domain/keys/store.ts'
import { operatorAct, systemAct } from '../../src/flows/acting.ts'
import { importKey } from '../../src/flows/import-key.ts'
import { reapplyEnds } from '../../src/flows/reapply-ends.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { rotateKeys } from '../../src/flows/rotate-keys.ts'
import { changeKeys, tendKeys } from '../../src/flows/tend-keys.ts'
import { randomToken } from '../../src/random.ts'
import { registerSomebody, type TestServer, testMasterKey } from '../support/server.ts'
import {
  administrator,
  day,
  describeQuickFlow,
  eventually,
  hour,
  keyA,
  logIn,
  minute,
  problem,
  refresh,
  validate,
} from './flow-server.ts'

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
const newPem = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
const states = async (server: TestServer) =>
  (await listSigningKeys(server.app.database.db)).map(({ state }) => state).sort()

/** Verifies with a key set that it keeps for exactly as long as it may, and never asks again before. */
function patientVerifier(server: TestServer) {
  let set: JSONWebKeySet
  let fetched = Number.NEGATIVE_INFINITY
  return async (token: string) => {
    const now = server.clock.now()
    const { headers, body } =
      now - fetched > 5 * minute ? await server.call('GET', '/.well-known/jwks.json') : { headers: null, body: set }
    if (headers) {
      assert.equal(headers.get('cache-control'), 'public, max-age=300')
      set = body
      fetched = now
    }
    await jwtVerify(token, createLocalJWKSet(set), { currentDate: new Date(now) })
  }
}

describeQuickFlow(
  'key rotation by the clock',
  (flow) => {
    it('never lets a node or a verifier meet a key it does not know, through five rotations', async () => {
      const other = await flow.start()
      const nodes = [flow.server, other]
      const verify = [patientVerifier(flow.server), patientVerifier(other)]
      const alive: { token: string; until: number }[] = []
      const kids = new Set<string>()
      try {
        const { email } = await registerSomebody(flow.server)
        for (let step = 0; step < 110; step++) {
          flow.server.clock.advance(2 * minute)
          const now = flow.server.clock.now()
          // The other node is one step behind: it reads before the keys move.
          const [tending, lagging] = step % 3 === 0 ? [other, flow.server] : [flow.server, other]
          await lagging!.app.keys.read()
          await tendKeys(tending!.app)
          const node = nodes[step % 2]!
          const { access_token } = (await logIn(node, email)).body
          alive.push({ token: access_token, until: now + 15 * minute - 1000 })
          kids.add(kidOf(access_token))
          while (alive[0]!.until < now) alive.shift()
          for (const { token } of [alive[0]!, alive.at(-1)!]) {
            for (const each of nodes) assert.ok(each.app.keyring.verifier(kidOf(token)), `step ${step}`)
            for (const each of nodes) assert.equal((await validate(each, token)).status, 200)
            for (const each of verify) await each(token)
          }
        }
        assert.ok(kids.size >= 5, `${kids.size} keys`)
        assert.ok((await states(other)).length <= 4)
        const rows = await flow.server.app.database.db.selectFrom('signing_keys').selectAll().execute()
        for (const { state, sealed_private } of rows) {
          assert.equal(sealed_private.length > 0, state === 'active' || state === 'next', state)
        }
      } finally {
        await other.close()
      }
    })

    it('two nodes that tend the keys at the same moment agree', async () => {
      const other = await flow.start()
      try {
        for (let round = 0; round < 3; round++) {
          flow.server.clock.advance(2 * hour)
          await Promise.all([tendKeys(flow.server.app), tendKeys(other.app), tendKeys(other.app)])
          const rows = await listSigningKeys(other.app.database.db)
          assert.equal(rows.filter(({ state }) => state === 'active').length, 1)
          await flow.server.app.keys.read()
          await other.app.keys.read()
          assert.equal(other.app.keyring.signer()!.kid, flow.server.app.keyring.signer()!.kid)
        }
      } finally {
        await other.close()
      }
    })
  },
  { settings: { KEY_ROTATION_INTERVAL: '40m', KEY_PUBLISH_AHEAD: '8m' } },
)

describeQuickFlow(
  'a verifier whose key set is exactly as old as it may be',
  (flow) => {
    it('knows every key that signs, whether the clock or an operator changes them', async () => {
      const { server } = flow
      const { app, clock } = server
      const { email } = await registerSomebody(server)
      const keySet = async (): Promise<JSONWebKeySet> => (await server.call('GET', '/.well-known/jwks.json')).body
      const verify = async (set: JSONWebKeySet) => {
        const token = (await logIn(server, email)).body.access_token
        await jwtVerify(token, createLocalJWKSet(set), { currentDate: new Date(clock.now()) })
        return kidOf(token)
      }
      const changes = [() => rotateKeys(app, systemAct), () => tendKeys(app)]
      for (const change of changes) {
        // Fetched a moment before another key is published.
        const kept = await keySet()
        await rotateKeys(app, systemAct, { now: true })
        const active = await verify(kept)
        const { db } = app.database
        await db.updateTable('signing_keys').set({ activated_at: 0 }).where('state', '=', 'active').execute()
        clock.advance(5 * minute)
        await change().catch((error) => assert.equal(error.code, 'rotation_too_soon'))
        assert.equal(await verify(kept), active)
        // By now the verifier has asked again.
        const renewed = await keySet()
        clock.advance(minute)
        await change()
        assert.notEqual(await verify(renewed), active)
      }
    })
  },
  { settings: { KEY_ROTATION_INTERVAL: '1h', KEY_PUBLISH_AHEAD: '6m', JWKS_MAX_AGE: '5m' } },
)

describeQuickFlow('changing keys by hand', (flow) => {
  const rotate = (token: string, body?: object) =>
    flow.server.call('POST', '/v1/admin/keys/rotate', { token, ...(body && { body }) })

  it('is refused while verifiers may not have heard of the next key, unless it must be now', async () => {
    const { token } = await administrator(flow.server)
    const active = flow.server.app.keyring.signer()!.kid
    const refused = await rotate(token)
    assert.equal(problem(refused), '409 rotation_too_soon')
    assert.ok(Number(refused.headers.get('retry-after')) > 500)
    assert.equal(flow.server.app.keyring.signer()!.kid, active)
    const done = await rotate(token, { now: true })
    assert.equal(done.status, 200)
    assert.deepEqual(done.body.items.map(({ state }: { state: string }) => state).sort(), [
      'active',
      'next',
      'retiring',
    ])
    assert.notEqual(flow.server.app.keyring.signer()!.kid, active)
    // What signs no more must not be stolen either.
    assert.equal((await findSigningKey(flow.server.app.database.db, active))!.sealed_private.length, 0)
    assert.equal((await validate(flow.server, token)).status, 200)
    flow.server.clock.advance(10 * minute)
    assert.equal((await rotate(token)).status, 200)
    // A login of long ago does not do.
    flow.server.clock.advance(5 * minute + 10_000)
    assert.equal(problem(await rotate((await administrator(flow.server)).token)), '409 rotation_too_soon')
    assert.match(problem(await rotate(token)), /^40[13] (reauthentication_required|token_expired)$/)
  })

  it('a compromised key dies at once with everything it signed, on every node and after a start; sessions live on', async () => {
    const other = await flow.start()
    const { token } = await administrator(flow.server)
    const one = await registerSomebody(flow.server)
    const kid = kidOf(one.access_token)
    const next = (await listSigningKeys(other.app.database.db)).find(({ state }) => state === 'next')!.kid
    try {
      const answer = await rotate(token, { compromised: kid })
      assert.equal(answer.status, 200)
      assert.deepEqual(
        answer.body.items.filter((each: { kid: string }) => each.kid === kid),
        [],
      )
      assert.match(problem(await validate(flow.server, one.access_token)), /^401 (token_revoked|invalid_token)$/)
      await eventually(async () => (await validate(other, one.access_token)).status === 401, 3000)
      // Nobody signs by it any more; what signs now had been published before.
      await eventually(() => other.app.keyring.signer()!.kid === next, 3000)
      const fresh = await refresh(other, one.refresh_token, keyA)
      assert.deepEqual([fresh.status, kidOf(fresh.body.access_token)], [200, next])
      assert.equal((await validate(flow.server, fresh.body.access_token)).status, 200)
      const { body } = await flow.server.call('GET', '/.well-known/jwks.json')
      assert.equal(
        body.keys.some((each: { kid: string }) => each.kid === kid),
        false,
      )
      const row = await flow.server.app.database.db
        .selectFrom('revocations')
        .selectAll()
        .where('kind', '=', 'key')
        .where('subject', '=', kid)
        .executeTakeFirstOrThrow()
      assert.equal(row.reason, 'key_compromise')
      // For as long as a verifier may keep the old key set, got under whatever settings, and then a forged token may live.
      const [life, clocks, leeway, keySet] = [hour, 2 * hour, minute / 2, day]
      assert.equal(row.until_at - row.before_at, life + clocks + leeway + keySet)
    } finally {
      await other.close()
    }
    const again = await flow.start()
    try {
      assert.match(problem(await validate(again, one.access_token)), /^401 (token_revoked|invalid_token)$/)
      assert.equal(again.app.keyring.verifier(kid), undefined)
    } finally {
      await again.close()
    }
  })

  it('a key that waits or retires can be revoked as well, twice too; an unknown one is not found', async () => {
    const { app } = flow.server
    const { token } = await administrator(flow.server)
    const active = app.keyring.signer()!.kid
    const waiting = (await listSigningKeys(app.database.db)).find(({ state }) => state === 'next')!.kid
    const privateHalf = async (kid: string) => (await findSigningKey(app.database.db, kid))!.sealed_private.length
    assert.ok((await privateHalf(waiting)) > 0)
    for (let time = 0; time < 2; time++) await revokeKey(app, systemAct, waiting)
    assert.equal(await privateHalf(waiting), 0)
    assert.equal(app.keyring.signer()!.kid, active)
    assert.equal(app.keyring.verifier(waiting), undefined)
    await tendKeys(app)
    assert.ok((await states(flow.server)).includes('next'))
    assert.equal(problem(await rotate(token, { compromised: 'no-such-key' })), '404 not_found')
    // Two at once.
    await Promise.all([revokeKey(app, systemAct, active), revokeKey(app, systemAct, active)])
    assert.equal(await privateHalf(active), 0)
    assert.deepEqual(
      (await states(flow.server)).filter((state) => state === 'active'),
      ['active'],
    )
  })

  it('a revoked key stays dead when the database goes back to a backup in which it signs', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-restored-'))
    const node = await flow.start({ dataDir })
    const one = await registerSomebody(node)
    const kid = kidOf(one.access_token)
    const { db } = node.app.database
    const backup = await listSigningKeys(db)
    await revokeKey(node.app, systemAct, kid)
    await node.close()
    // As it was: the key signs, and nobody has revoked it.
    await flow.server.app.database.db.deleteFrom('signing_keys').execute()
    await flow.server.app.database.db.insertInto('signing_keys').values(backup).execute()
    await flow.server.app.database.db.deleteFrom('revocations').where('kind', '=', 'key').execute()
    const restored = await flow.start({ dataDir })
    try {
      assert.match(problem(await validate(restored, one.access_token)), /^401 (token_revoked|invalid_token)$/)
      assert.notEqual(restored.app.keyring.signer()!.kid, kid)
      const fresh = await refresh(restored, one.refresh_token, keyA)
      assert.deepEqual([fresh.status, kidOf(fresh.body.access_token) === kid], [200, false])
      assert.equal((await validate(restored, fresh.body.access_token)).status, 200)
      assert.equal(await reapplyEnds(restored.app), 0)
    } finally {
      await restored.close()
      rmSync(dataDir, { recursive: true, force: true })
      await flow.server.app.keys.read()
    }
  })

  it('an imported key becomes the next one, or signs at once', async () => {
    const { app } = flow.server
    const { kid } = await importKey(app, systemAct, newPem(), false)
    const waiting = (await listSigningKeys(app.database.db)).filter(({ state }) => state === 'next')
    assert.deepEqual(
      waiting.map((row) => row.kid),
      [kid],
    )
    assert.notEqual(app.keyring.signer()!.kid, kid)
    const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
    const text = JSON.stringify({ ...jwk, kid: 'from-the-old-server' })
    await importKey(app, systemAct, text, true)
    assert.equal(app.keyring.signer()!.kid, 'from-the-old-server')
    await assert.rejects(
      importKey(app, systemAct, text, false),
      /This very key is here already, as from-the-old-server \(active\)/,
    )
    const namesake = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
    await assert.rejects(
      importKey(app, systemAct, JSON.stringify({ ...namesake, kid: 'from-the-old-server' }), false),
      /There is a key from-the-old-server already \(active\)/,
    )
    const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const pem = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
    await assert.rejects(
      importKey(app, systemAct, pem, false),
      /is for RS256, and this server signs by ES256. Set NTT_AUTH_SIGNING/,
    )
  })

  it('a key that was revoked or removed is not let in again, under whatever name, as long as its row is kept', async () => {
    const { app, clock } = flow.server
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
    const renamed = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'quite-another-name' })
    const { kid } = await importKey(app, systemAct, pem, true)
    await assert.rejects(importKey(app, systemAct, renamed, false), /This very key is here already, as \S+ \(active\)/)
    // So old that its row would be due by its birth.
    await app.database.db
      .updateTable('signing_keys')
      .set({ created_at: clock.now() - 300 * day })
      .where('kid', '=', kid)
      .execute()
    await revokeKey(app, systemAct, kid)
    await sweep(app)
    const before = await listSigningKeys(app.database.db)
    for (const text of [pem, renamed]) {
      for (const activate of [false, true]) {
        await assert.rejects(
          importKey(app, systemAct, text, activate),
          /\(removed\)\. One that was removed does not come/,
        )
      }
    }
    assert.deepEqual(await listSigningKeys(app.database.db), before)
    // One that only ever waited is kept as long.
    const waiting = before.find(({ state }) => state === 'next')!.kid
    await importKey(app, systemAct, newPem(), false)
    await sweep(app)
    assert.equal((await findSigningKey(app.database.db, waiting))?.state, 'removed')
  })

  it('a key that was revoked is known for ever, in whatever guise it comes back', async () => {
    const { app, clock } = flow.server
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { kid } = await importKey(app, systemAct, JSON.stringify(privateKey.export({ format: 'jwk' })), true)
    await revokeKey(app, systemAct, kid)
    const { db } = app.database
    const longAgo = { created_at: clock.now() - 5000 * day, retired_at: clock.now() - 4000 * day }
    await db.updateTable('signing_keys').set(longAgo).where('kid', '=', kid).execute()
    await sweep(app)
    const jwk = privateKey.export({ format: 'jwk' })
    for (const text of [JSON.stringify(jwk), JSON.stringify({ ...jwk, kid: 'another-name' })]) {
      await assert.rejects(importKey(app, systemAct, text, false), /This very key is here already, as \S+ \(removed\)/)
    }
    // The same secret counted from the other end.
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const prime = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
    const minus = (from: bigint, text: string) => {
      const value = from - BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
      return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url')
    }
    const mirrored = { ...jwk, d: minus(order, jwk.d!), y: minus(prime, jwk.y!) }
    await assert.rejects(
      importKey(app, systemAct, JSON.stringify(mirrored), false),
      /^KeyRefused: Whoever knows the private half of \S+ \(removed\) knows that of this key too\. Make a new one\.$/,
    )
  })

  it('a node that has not met the key asks before it refuses; asks once for many, and says so when it cannot', async () => {
    const other = await flow.start()
    try {
      const one = await registerSomebody(flow.server)
      const { kid } = await importKey(flow.server.app, systemAct, newPem(), true)
      const { access_token } = (await logIn(flow.server, one.email)).body
      assert.equal(kidOf(access_token), kid)
      if (other.app.keyring.verifier(kid)) {
        // It was quick to follow: take it back to what it knew.
        other.app.keyring.load((await listSigningKeys(other.app.database.db)).filter((row) => row.kid !== kid))
      }
      const answers = await Promise.all(Array.from({ length: 20 }, () => validate(other, access_token)))
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))

      const [, payload, signature] = access_token.split('.')
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'made-up' })).toString('base64url')
      const madeUp = `${header}.${payload}.${signature}`
      assert.equal(problem(await validate(other, madeUp)), '401 invalid_token')
      other.app.keys.again = () => Promise.reject(new Error('out of reach'))
      const unsure = await validate(other, madeUp)
      assert.deepEqual([problem(unsure), unsure.headers.get('retry-after')], ['503 unavailable', '1'])
      assert.equal((await validate(other, access_token)).status, 200)
    } finally {
      await other.close()
    }
  })

  it('a node that has not met the key revokes its tokens all the same, and says so when it cannot', async () => {
    const other = await flow.start()
    try {
      const one = await registerSomebody(flow.server)
      const { kid } = await importKey(flow.server.app, systemAct, newPem(), true)
      const { access_token } = (await logIn(flow.server, one.email)).body
      const { service, secret } = await registerService(other.app, operatorAct, 'gateway', ['revoke'])
      const headers = {
        authorization: `Basic ${btoa(`${service.clientId}:${secret}`)}`,
        'content-type': 'application/x-www-form-urlencoded',
      }
      const revoke = () => other.call('POST', '/oauth2/revoke', { body: `token=${access_token}`, headers })
      // It may have been quick to follow.
      other.app.keyring.load((await listSigningKeys(other.app.database.db)).filter((row) => row.kid !== kid))
      const { again } = other.app.keys
      other.app.keys.again = () => Promise.reject(new Error('out of reach'))
      const unsure = await revoke()
      assert.deepEqual([problem(unsure), unsure.headers.get('retry-after')], ['503 unavailable', '1'])
      other.app.keys.again = again
      assert.equal((await revoke()).status, 200)
      assert.equal(problem(await validate(other, access_token)), '401 token_revoked')
    } finally {
      await other.close()
    }
  })

  it('made-up key ids cost one reading together', async () => {
    let loads = 0
    const { app } = flow.server
    const reader = keyReader(app.database.db, { ...app.keyring, load: () => void loads++ })
    await Promise.all(Array.from({ length: 500 }, () => reader.again()))
    assert.ok(loads <= 2, `${loads} readings`)
  })
})

describeQuickFlow('a change of the master key', (flow) => {
  const newMasterKey = randomToken(32)

  it('seals the keys anew; the old one is then needed for refresh tokens only', async () => {
    const one = await registerSomebody(flow.server)
    const both = await flow.start({ settings: { MASTER_KEY: `${newMasterKey},${testMasterKey}` } })
    try {
      await tendKeys(both.app)
      const rotated = await refresh(both, one.refresh_token, keyA)
      const alone = await flow.start({ settings: { MASTER_KEY: newMasterKey } })
      try {
        assert.equal((await validate(alone, one.access_token)).status, 200)
        assert.equal((await validate(alone, (await logIn(alone, one.email)).body.access_token)).status, 200)
        assert.equal((await refresh(alone, rotated.body.refresh_token, keyA)).status, 200)
        assert.equal(problem(await refresh(alone, one.refresh_token, keyA)), '401 invalid_refresh_token')
      } finally {
        await alone.close()
      }
    } finally {
      await both.close()
    }
  })

  it('a node that cannot open the new key still verifies by it, and is not ready', async () => {
    const lone = await flow.start({ settings: { MASTER_KEY: newMasterKey } })
    const old = flow.server
    try {
      const one = await registerSomebody(lone)
      await rotateKeys(lone.app, systemAct, { now: true })
      await rotateKeys(lone.app, systemAct, { now: true })
      const fresh = (await logIn(lone, one.email)).body.access_token
      await assert.rejects(old.app.keys.read(), /does not open the signing key/)
      assert.equal((await validate(old, fresh)).status, 200)
      old.clock.advance(2000)
      assert.equal((await old.call('GET', '/health/ready')).status, 503)
    } finally {
      await lone.close()
    }
  })

  it('makes no plan twice when another node was faster', async () => {
    const lone = await flow.start({ settings: { MASTER_KEY: newMasterKey } })
    try {
      const [row] = (await listSigningKeys(lone.app.database.db)).filter(({ state }) => state === 'active')
      let plans = 0
      await changeKeys(lone.app, systemAct, () => (++plans === 1 ? [{ kind: 'retire', kid: 'gone' }] : []))
      assert.equal(plans, 2)
      await assert.rejects(
        changeKeys(lone.app, systemAct, () => [{ kind: 'activate', kid: row!.kid }]),
        /./,
      )
    } finally {
      await lone.close()
    }
  })
})
