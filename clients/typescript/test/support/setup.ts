import { AuthClient, type AuthClientOptions, AuthError, type AuthEvent } from '../../src/index.ts'
import { type MockServerOptions, mockAuthServer, virtualClock } from '../../src/testing/index.ts'

export const ada = { email: 'ada@example.com', password: 'engine of brass and steam' }

/** A mock server, a virtual clock and a client that is logged in. */
export async function loggedIn(options: Partial<AuthClientOptions> = {}, mock: MockServerOptions = {}) {
  const setup = world(options, mock)
  await setup.client.login(ada)
  return setup
}

export function world(options: Partial<AuthClientOptions> = {}, mock: MockServerOptions = {}) {
  const clock = virtualClock()
  const server = mockAuthServer({ clock, ...mock })
  server.addUser(ada)
  const errors: unknown[] = []
  const connect = (more: Partial<AuthClientOptions> = {}) => {
    const onError = (error: unknown) => void errors.push(error)
    return new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock, onError, ...options, ...more })
  }
  return { clock, server, errors, connect, client: connect() }
}

/** The types of the events from now on. */
export function listenTo(client: AuthClient) {
  const events: AuthEvent[] = []
  client.onChange((event) => void events.push(event))
  return { events, types: () => events.map(({ type }) => type) }
}

export const refreshPath = '/v1/auth/refresh'
export const refreshKeys = (server: ReturnType<typeof mockAuthServer>) =>
  server.requests.filter(({ path }) => path === refreshPath).map(({ headers }) => headers.get('refresh-key'))

export const code = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error: { code?: string }) => error.code ?? String(error),
  )

export function gate() {
  let open!: () => void
  const until = new Promise<void>((resolve) => {
    open = resolve
  })
  return { until, open }
}

/** Waits until something holds, however busy the machine is. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`It never came: ${holds}`)
}

/** What somebody who calls hears of an error. @throws what is none of ours */
export function heardOf(error: unknown): unknown[] {
  if (!AuthError.is(error)) throw error
  const pointers = (error.problem?.errors ?? []).map(({ pointer }) => pointer).sort()
  return [error.code, error.status, error.retryable, error.constructor.name, pointers]
}
