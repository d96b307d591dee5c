import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { AuthClient } from '../src/index.ts'
import { createVerifier } from '../src/verify/index.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, eventually } from './support/setup.ts'
import { type SwallowingProxy, startSwallowingProxy } from './support/swallowing-proxy.ts'

let server: RealServer
let proxy: SwallowingProxy
beforeAll(async () => {
  server = await startServer()
  proxy = await startSwallowingProxy(server.address)
})
afterAll(async () => {
  await proxy?.close()
  await server?.stop()
})

it.each([
  ['a stream', 0],
  ['a stream with six kept connections beside it', 6],
] as const)('%s that worked and died without a word hides no logout until it is cut off', async (_what, kept) => {
  const made = await server.cli(
    'services',
    'create',
    '--name',
    `notes ${kept}`,
    '--scopes',
    'revocations:read',
    '--json',
  )
  const { client_id: clientId, client_secret: clientSecret } = JSON.parse(made)
  const errors: unknown[] = []
  const verifier = createVerifier({
    issuer: 'https://auth.example.com',
    baseUrl: proxy.address,
    revocation: { clientId, clientSecret, whenUnreachable: 'fail_closed' },
    onError: (error) => void errors.push(error),
  })
  try {
    const client = new AuthClient({ baseUrl: server.address })
    await client.register({ ...ada, email: `${kept}@example.com` })
    const token = await client.getAccessToken()
    expect(await code(verifier.verify(token))).toBe('fine')
    const polls = () => proxy.sent('GET /v1/revocations?') + proxy.sent('GET /v1/revocations ')
    // It shows itself alive for so long that nobody asks beside it any more.
    await eventually(async () => {
      const before = polls()
      await new Promise((resolve) => setTimeout(resolve, 2000))
      return polls() === before
    })
    expect(verifier.feedStatus()!.mode).toBe('stream')
    const streams = proxy.sent('GET /v1/revocations/stream')
    // The service's own calls of a moment ago: what is asked now finds their connections first.
    await Promise.all(Array.from({ length: kept }, () => fetch(`${proxy.address}/health/live`).then((r) => r.text())))
    proxy.swallow()
    await client.logout()
    await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
    // Told by an answer, beside a stream that is still there: neither its end nor any silence was an error yet.
    expect([proxy.sent('GET /v1/revocations/stream') - streams, errors]).toEqual([0, []])
    expect(verifier.feedStatus()!.mode).toBe('poll')
  } finally {
    verifier.close()
  }
})
