import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AuthClient, type AuthError, memoryStorage } from '../src/index.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code, eventually, loggedIn } from './support/setup.ts'

describe('a login on a device that was here before', () => {
  const sent = (server: Awaited<ReturnType<typeof loggedIn>>['server']) =>
    server.requests.filter(({ path }) => path === '/v1/auth/login').map(({ body }) => body.refresh_token)

  it('takes the last refresh token along, while the session lives and when it has ended', async () => {
    const { client, server, clock } = await loggedIn()
    const { id } = (await client.getSession())!
    await client.login(ada)
    await client.logout()
    await client.login(ada)
    const last = client.state.session!.id
    server.endSessions({ sessionId: last }, 'session_limit')
    await clock.advance(3_600_000)
    expect(await code(client.getAccessToken())).toBe('session_ended')
    await client.login(ada)
    expect(sent(server)).toEqual([undefined, `nttr_${id}_0`, expect.stringMatching(/^nttr_/), `nttr_${last}_0`])
  })

  it('is told from one where the user wanted nothing left', async () => {
    const storage = memoryStorage()
    const { client, server } = await loggedIn({ storage, storageKey: 'key' })
    await client.logout({ scope: 'local' })
    expect(await storage.get('key')).not.toContain('nttr_')
    await client.login(ada)
    expect(sent(server).at(-1)).toBeUndefined()
  })

  it('keeps no token that lives: offline only the queue has it, and the device is known once the server was told', async () => {
    const storage = memoryStorage()
    const { client, server, connect } = await loggedIn({ storage, storageKey: 'key' })
    server.always({ do: 'lose_request' })
    expect(await client.logout()).toEqual({ remote: 'queued' })
    expect(await storage.get('key')).not.toContain('nttr_')
    server.always(null)
    const next = connect()
    await next.ready()
    await eventually(async () => (await storage.get('key'))!.includes('nttr_'))
    await next.login(ada)
    expect(sent(server).at(-1)).toMatch(/^nttr_/)
  })

  it('sends what the caller gives rather than what is kept', async () => {
    const { client, server } = await loggedIn()
    await client.login({ ...ada, refresh_token: 'nttr_mine_0' })
    expect(sent(server).at(-1)).toBe('nttr_mine_0')
  })
})

describe('an account under attack, at the real server', () => {
  let server: RealServer

  beforeAll(async () => {
    server = await startServer({ RATE_LIMITS: 'on' })
  })
  afterAll(() => server.stop())

  const start = () => new AuthClient({ baseUrl: server.address, storage: memoryStorage() })
  const guess = async () => {
    for (let tries = 0; tries < 6; tries++) await code(start().login({ ...ada, password: `guess ${tries}` }))
  }

  it('lets its owner in where he was before, and nobody elsewhere', async () => {
    const owner = start()
    await owner.register(ada)
    await owner.logout()
    await guess()
    const refused = (await start()
      .login(ada)
      .catch((error) => error)) as AuthError
    expect([refused.code, refused.retryAfter! > 0]).toEqual(['rate_limited', true])
    expect(await code(owner.login(ada))).toBe('fine')
    await owner.logout({ scope: 'all' })
    expect(await code(owner.login(ada))).toBe('fine')
  })

  it('lets its owner in after a new password has ended the session there', async () => {
    const [here, there] = [start(), start()]
    const grace = { email: 'grace@example.com', password: 'a compiler of my own' }
    await here.register(grace)
    await there.login(grace)
    const fresh = 'a quieter engine of silk'
    await here.changePassword({ current_password: grace.password, new_password: fresh })
    expect(await code(there.refresh())).toBe('session_ended')
    for (let tries = 0; tries < 6; tries++) await code(start().login({ ...grace, password: `guess ${tries}` }))
    expect(await code(start().login({ ...grace, password: fresh }))).toBe('rate_limited')
    expect(await code(there.login({ ...grace, password: fresh }))).toBe('fine')
  })
})
