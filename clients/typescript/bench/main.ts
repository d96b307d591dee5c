/**
 * What the client costs: bytes, microseconds a call, verifications a second, and how long a revocation takes to arrive.
 * `node bench/main.ts`; figures are beside those of `jose` and of a plain `fetch`, measured in the same run.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { AuthClient } from '../src/index.ts'
import { mockAuthServer } from '../src/testing/index.ts'
import { createVerifier } from '../src/verify/index.ts'
import { startServer } from '../test/support/server.ts'

const ada = { email: 'ada@example.com', password: 'engine of brass and steam' }
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const say = (name: string, value: string) => console.log(`${name.padEnd(62)} ${value}`)

async function overhead() {
  const auth = mockAuthServer()
  auth.addUser(ada)
  const client = new AuthClient({
    baseUrl: auth.issuer,
    fetch: (input, init) => (String(input).startsWith(auth.issuer) ? auth.fetch(input, init) : fetch(input, init)),
  })
  await client.login(ada)
  const server = createServer((_request, response) => void response.end('{}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const authorization = `Bearer ${await client.getAccessToken()}`
  const calls = { plain: () => fetch(url, { headers: { authorization } }), ours: () => client.fetch(url) }
  const times: Record<string, number[]> = { plain: [], ours: [] }
  for (let round = 0; round < 4000; round++) {
    for (const [name, call] of Object.entries(calls)) {
      const begun = performance.now()
      await (await call()).text()
      if (round > 500) times[name]!.push((performance.now() - begun) * 1000)
    }
  }
  const [plain, ours] = [median(times.plain!), median(times.ours!)]
  say(
    'fetch, plain / with the client (p50, µs)',
    `${plain.toFixed(0)} / ${ours.toFixed(0)}: ${(ours - plain).toFixed(0)} more`,
  )
  const begun = performance.now()
  for (let round = 0; round < 100_000; round++) await client.getAccessToken()
  say('getAccessToken() (µs)', ((performance.now() - begun) / 100).toFixed(2))
  server.close()
  server.closeAllConnections()
}

async function verification() {
  const auth = mockAuthServer()
  const tokens = await Promise.all(
    Array.from({ length: 4000 }, (_each, index) => auth.tokens.sign({ sub: `user-${index}`, sid: `session-${index}` })),
  )
  const verifier = createVerifier({ issuer: auth.issuer, revocation: 'none', fetch: auth.fetch })
  await verifier.warm()
  const jwks = createLocalJWKSet((await auth.tokens.jwks()) as never)
  const expected = { issuer: auth.issuer, audience: auth.issuer, typ: 'at+jwt', algorithms: ['ES256'] }
  const rate = async (count: number, work: (token: string) => Promise<unknown>) => {
    const begun = performance.now()
    for (let round = 0; round < count; round++) await work(tokens[round % tokens.length]!)
    return Math.round(count / ((performance.now() - begun) / 1000))
  }
  await rate(300, (token) => jwtVerify(token, jwks, expected))
  const jose = await rate(4000, (token) => jwtVerify(token, jwks, expected))
  const first = await rate(4000, verifier.verify)
  const seen = await rate(200_000, verifier.verify)
  say('verifications a second, ES256: jose / first sight / seen before', `${jose} / ${first} / ${seen}`)
}

async function revocationLag() {
  const server = await startServer()
  try {
    const service = JSON.parse(
      await server.cli('services', 'create', '--name', 'bench', '--scopes', 'revocations:read', '--json'),
    )
    const client = new AuthClient({ baseUrl: server.address })
    await client.register(ada)
    for (const mode of ['stream', 'poll'] as const) {
      const credential = {
        clientId: service.client_id,
        clientSecret: service.client_secret,
        whenUnreachable: 'fail_open',
        mode,
      } as const
      const verifier = createVerifier({
        issuer: 'https://auth.example.com',
        baseUrl: server.address,
        revocation: credential,
      })
      const lags: number[] = []
      await verifier.warm()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      for (let round = 0; round < (mode === 'stream' ? 60 : 40); round++) {
        await client.login(ada)
        const token = await client.getAccessToken()
        await verifier.verify(token)
        await client.logout()
        const begun = performance.now()
        while (
          await verifier.verify(token).then(
            () => true,
            () => false,
          )
        )
          await new Promise((resolve) => setTimeout(resolve, 1))
        lags.push(performance.now() - begun)
      }
      lags.sort((a, b) => a - b)
      say(
        `a logout reaches a verifier by ${mode} (ms, p50 / worst of ${lags.length})`,
        `${median(lags).toFixed(0)} / ${lags.at(-1)!.toFixed(0)}`,
      )
      verifier.close()
    }
  } finally {
    await server.stop()
  }
}

await overhead()
await verification()
await revocationLag()
process.exit(0)
