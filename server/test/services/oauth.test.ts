import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { type AccessClaims, leewaySeconds, mintAccessToken } from '../../src/domain/tokens/access-token.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { reloadLiveSet } from '../../src/flows/read-feed.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { eventually, problem, refresh, sessionOf, validate } from '../flows/flow-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/** What a client library that knows the standards and not us makes of our answers. */

onEachDatabase((_name, url) => {
  let here: TestServer
  let there: TestServer
  let as: oauth.AuthorizationServer
  let client: oauth.Client
  let auth: oauth.ClientAuth
  let serviceId: string
  const insecure = { [oauth.allowInsecureRequests]: true }

  before(async () => {
    here = await startTestServer(url(), { quickHashes: true })
    there = await startTestServer(url(), { clock: here.clock, quickHashes: true })
    const { service, secret } = await registerService(here.app, operatorAct, 'resource server', [
      'introspect',
      'revoke',
    ])
    client = { client_id: service.clientId }
    serviceId = service.id
    auth = oauth.ClientSecretBasic(secret)
    const issuer = new URL('https://auth.example.com')
    const fetched = await oauth.discoveryRequest(issuer, {
      algorithm: 'oauth2',
      [oauth.customFetch]: (address) => fetch(here.address + new URL(address as string).pathname),
    })
    as = await oauth.processDiscoveryResponse(issuer, fetched)
  })
  after(async () => {
    await there?.close()
    await here?.close()
  })

  const at = (server: TestServer): oauth.AuthorizationServer => ({
    ...as,
    introspection_endpoint: as.introspection_endpoint!.replace(as.issuer, server.address),
    revocation_endpoint: as.revocation_endpoint!.replace(as.issuer, server.address),
  })
  const introspect = async (server: TestServer, token: string, hint?: string) => {
    const options = { ...insecure, ...(hint && { additionalParameters: { token_type_hint: hint } }) }
    const response = await oauth.introspectionRequest(at(server), client, auth, token, options)
    return oauth.processIntrospectionResponse(as, client, response)
  }
  const revoke = async (server: TestServer, token: string, hint?: string) => {
    const options = { ...insecure, ...(hint && { additionalParameters: { token_type_hint: hint } }) }
    await oauth.processRevocationResponse(await oauth.revocationRequest(at(server), client, auth, token, options))
  }

  it('finds the endpoints in the metadata', () => {
    assert.equal(as.introspection_endpoint, 'https://auth.example.com/oauth2/introspect')
    assert.equal(as.revocation_endpoint, 'https://auth.example.com/oauth2/revoke')
    assert.deepEqual(as.revocation_endpoint_auth_methods_supported, ['client_secret_basic'])
  })

  it('reads what we say of both kinds of tokens, whatever the hint', async () => {
    const person = await registerSomebody(here)
    for (const hint of [undefined, 'access_token', 'refresh_token', 'something else']) {
      const access = await introspect(here, person.access_token, hint)
      assert.deepEqual([access.active, access.sub, access.token_type], [true, person.user.id, 'Bearer'])
      const refreshed = await introspect(here, person.refresh_token, hint)
      assert.deepEqual([refreshed.active, refreshed.sub], [true, person.user.id])
      assert.equal((await introspect(here, 'nonsense', hint)).active, false)
    }
  })

  it('revokes an access token alone: dead here at once, on the other node soon, and the session goes on', async () => {
    const person = await registerSomebody(here)
    const sibling = await refresh(here, person.refresh_token)
    await revoke(here, person.access_token, 'access_token')
    assert.equal(problem(await validate(here, person.access_token)), '401 token_revoked')
    assert.deepEqual(await introspect(here, person.access_token), { active: false })
    await eventually(async () => (await validate(there, person.access_token)).status === 401)
    assert.equal((await validate(here, sibling.body.access_token)).status, 200)
    assert.equal((await refresh(there, sibling.body.refresh_token)).status, 200)
  })

  it('revokes an access token for as long as any node may take it, its leeway included', async () => {
    const person = await registerSomebody(here)
    await revoke(here, person.access_token)
    const { exp, jti } = decodeJwt(person.access_token)
    here.clock.advance((exp! + leewaySeconds / 3) * 1000 - here.clock.now())
    for (const server of [here, there]) {
      await reloadLiveSet(server.app)
      server.app.revocations.sweep(server.clock.now())
      assert.equal(problem(await validate(server, person.access_token)), '401 token_revoked')
    }
    const { db } = here.app.database
    const row = await db.selectFrom('revocations').select('until_at').where('subject', '=', jti!).executeTakeFirst()
    // One node may be a leeway behind the other.
    assert.ok(row!.until_at >= (exp! + 2 * leewaySeconds) * 1000)
  })

  it('revokes every living token with that jti, though somebody with a stolen key has the one revoked that ends first', async () => {
    const { access_token: long } = await registerSomebody(here)
    const claims = decodeJwt(long) as unknown as AccessClaims
    const brief = mintAccessToken(here.app.keyring.signer()!, { ...claims, exp: claims.iat + 2 * leewaySeconds })
    await revoke(here, brief)
    here.clock.advance(5 * 60_000)
    for (const server of [here, there]) {
      await reloadLiveSet(server.app)
      server.app.revocations.sweep(server.clock.now())
      assert.equal(problem(await validate(server, long)), '401 token_revoked')
    }
  })

  it('revokes a refresh token of any generation with its session and its access tokens', async () => {
    const person = await registerSomebody(here)
    let tokens: { access_token: string; refresh_token: string } = person
    for (let generation = 0; generation < 4; generation++) tokens = (await refresh(here, tokens.refresh_token)).body
    await revoke(here, person.refresh_token)
    const { ended_at, end_reason } = await sessionOf(here, person.session_id)
    assert.ok(ended_at !== null)
    assert.equal(end_reason, 'logout')
    const line = await here.app.database.db
      .selectFrom('audit_lines')
      .select(['actor_kind', 'actor_id', 'user_id'])
      .where('subject_id', '=', person.session_id)
      .where('event', '=', 'session_ended')
      .executeTakeFirstOrThrow()
    // It was the service, and not the user whose token it showed.
    assert.deepEqual(line, { actor_kind: 'service', actor_id: serviceId, user_id: person.user.id })
    assert.equal(problem(await validate(here, tokens.access_token)), '401 token_revoked')
    assert.equal(problem(await refresh(there, tokens.refresh_token)), '401 session_ended logout')
    await eventually(async () => (await validate(there, tokens.access_token)).status === 401)
  })

  it('takes a token that nobody knows, or that is dead already, for revoked', async () => {
    const person = await registerSomebody(here)
    for (const token of ['nonsense', `${person.access_token}x`, `nttr_${'A'.repeat(76)}`]) await revoke(here, token)
    assert.equal((await validate(here, person.access_token)).status, 200)
    for (let round = 0; round < 3; round++) {
      await revoke(here, person.access_token)
      await revoke(here, person.refresh_token)
    }
    const rows = await here.app.database.db
      .selectFrom('revocations')
      .select('kind')
      .where('subject', 'in', [person.session_id, JSON.parse(atob(person.access_token.split('.')[1]!)).jti])
      .execute()
    assert.deepEqual(rows.map(({ kind }) => kind).sort(), ['session', 'token'])
  })

  it('hears of a wrong secret in a way it understands', async () => {
    const wrong = oauth.ClientSecretBasic('wrong')
    const response = await oauth.introspectionRequest(at(here), client, wrong, 'any', insecure)
    await assert.rejects(oauth.processIntrospectionResponse(as, client, response), (error) => {
      assert.ok(error instanceof oauth.WWWAuthenticateChallengeError)
      assert.equal(error.status, 401)
      assert.equal(error.cause[0]!.scheme, 'basic')
      return true
    })
  })

  it('reads what is wrong with a request, by the error codes that the standards name', async () => {
    const { service, secret } = await registerService(here.app, operatorAct, 'printer', [])
    const barred = { client_id: service.clientId }
    const insecureJson = {
      ...insecure,
      [oauth.customFetch]: (address: string, { headers, ...options }: { headers: Record<string, string> }) =>
        fetch(address, { ...options, headers: { ...headers, accept: 'application/json' } } as RequestInit),
    }
    const errorOf = async (answer: Promise<unknown>) => {
      const error = await answer.then(
        () => assert.fail('was let through'),
        (thrown) => thrown,
      )
      assert.ok(error instanceof oauth.ResponseBodyError, String(error))
      assert.ok(error.cause.code && error.cause.detail && error.cause.request_id, 'is a problem of ours as well')
      return `${error.status} ${error.error}`
    }
    const inspecting = (who: oauth.Client, its: string, token: string) =>
      oauth
        .introspectionRequest(at(here), who, oauth.ClientSecretBasic(its), token, insecure)
        .then((response) => oauth.processIntrospectionResponse(as, who, response))
    const revoking = (who: oauth.Client, its: string, token: string) =>
      oauth
        .revocationRequest(at(here), who, oauth.ClientSecretBasic(its), token, insecureJson as typeof insecure)
        .then(oauth.processRevocationResponse)
    const long = 'x'.repeat(8193)
    assert.equal(await errorOf(inspecting(barred, secret, 'any')), '403 unauthorized_client')
    assert.equal(await errorOf(revoking(barred, secret, 'any')), '403 unauthorized_client')
    const own = await registerService(here.app, operatorAct, 'reader', ['introspect', 'revoke'])
    const able = { client_id: own.service.clientId }
    assert.equal(await errorOf(inspecting(able, own.secret, long)), '400 invalid_request')
    assert.equal(await errorOf(revoking(able, own.secret, long)), '400 invalid_request')
  })

  it('puts the error beside the members of a problem, whose type stays for whoever does not ask for JSON', async () => {
    const ask = (accept: string | undefined, authorization = 'Basic bm9ib2R5Ong=') =>
      here.call('POST', '/oauth2/revoke', {
        body: 'token=any',
        headers: {
          authorization,
          'content-type': 'application/x-www-form-urlencoded',
          ...(accept && { accept }),
        },
      })
    for (const [accept, type] of [
      [undefined, 'application/problem+json; charset=utf-8'],
      ['*/*', 'application/problem+json; charset=utf-8'],
      ['application/json, application/problem+json', 'application/problem+json; charset=utf-8'],
      ['application/json', 'application/json; charset=utf-8'],
    ] as const) {
      const { status, body, headers } = await ask(accept)
      assert.deepEqual([status, body.code, body.error], [401, 'invalid_client', 'invalid_client'])
      assert.equal(headers.get('content-type'), type, accept)
      assert.match(headers.get('www-authenticate')!, /^Basic /)
    }
    const elsewhere = await here.call('GET', '/v1/auth/validate', { headers: { accept: 'application/json' } })
    assert.equal(elsewhere.body.error, undefined)
    assert.match(elsewhere.headers.get('content-type')!, /problem\+json/)
  })

  it('refuses a service that may only introspect', async () => {
    const { service, secret } = await registerService(here.app, operatorAct, 'reader', ['introspect'])
    const person = await registerSomebody(here)
    const response = await oauth.revocationRequest(
      at(here),
      { client_id: service.clientId },
      oauth.ClientSecretBasic(secret),
      person.refresh_token,
      insecure,
    )
    assert.equal(response.status, 403)
    assert.equal((await validate(here, person.access_token)).status, 200)
  })
})
