import { AuthClient } from '../../src/index.ts'
import type { MockAuthServer } from '../../src/testing/server.ts'
import type { RealServer } from './server.ts'

/** An administrator on the real server and on the mock. @returns who is logged in, by the address of the server */
export async function administratorsOf(
  real: RealServer,
  mock: MockAuthServer,
  mockFetch: typeof fetch,
): Promise<Map<string, AuthClient>> {
  const email = 'root@example.com'
  const password = 'engine of brass and steam'
  const [token] = /ntto_[\w-]+/.exec(await real.cli('create-admin', '--email', email, '--link', '--json'))!
  await new AuthClient({ baseUrl: real.address }).resetPassword({ token, new_password: password })
  mock.addUser({ email, password, roles: ['admin'] })
  const servers = [
    [real.address, fetch],
    [mock.issuer, mockFetch],
  ] as const
  const roots = new Map<string, AuthClient>()
  for (const [baseUrl, fetching] of servers) {
    const root = new AuthClient({ baseUrl, fetch: fetching })
    await root.login({ email, password })
    roots.set(baseUrl, root)
  }
  return roots
}
