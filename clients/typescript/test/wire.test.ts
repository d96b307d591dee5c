import { describe, expect, it } from '@jest/globals'
import { ada, code, loggedIn, refreshPath, world } from './support/setup.ts'

describe('what goes over the wire', () => {
  it('is kept in no cache, and a refresh does not go with its page', async () => {
    const sent: [string, RequestCache | undefined, boolean | undefined][] = []
    const { server, connect } = world()
    const client = connect({
      fetch: (input, init) => {
        sent.push([new URL(String(input)).pathname, init?.cache, !!init?.keepalive])
        return server.fetch(input, init)
      },
    })
    await client.login(ada)
    await client.refresh()
    expect(sent).toEqual([
      ['/v1/auth/login', 'no-store', false],
      [refreshPath, 'no-store', true],
    ])
  })

  it.each(['application/json', 'application/vnd.proxy+json'])('is no verdict as %s', async (type) => {
    const { client, server, clock } = await loggedIn()
    const body = JSON.stringify({ code: 'session_ended', session_ended: true, end_reason: 'admin', title: 'x' })
    const answer = () => new Response(body, { status: 401, headers: { 'content-type': type } })
    server.always({ do: 'answer', with: answer })
    await clock.advance(3_600_000)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(client.state.status).toBe('refresh_failed')
  })

  it('leaves nothing behind on the signal of its caller', async () => {
    const { client } = await loggedIn()
    const { signal } = new AbortController()
    let listening = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...given: [never, never]) => {
      listening++
      addEventListener.apply(signal, given)
    }
    signal.removeEventListener = (...given: [never, never]) => {
      listening--
      removeEventListener.apply(signal, given)
    }
    await client.getUser({ fresh: true, signal })
    await new Promise((resolve) => setTimeout(resolve))
    expect(listening).toBe(0)
  })
})
