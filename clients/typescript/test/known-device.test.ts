import { describe, expect, it } from '@jest/globals'
import { memoryStorage } from '../src/index.ts'
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
