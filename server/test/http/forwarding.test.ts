import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer } from '../support/server.ts'

describe('a forwarding header', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  before(async () => {
    fresh = await freshDatabase('SQLite')
  })
  after(async () => {
    await fresh.drop()
  })

  /** Sends these headers to a server that believes these proxies. @returns how many it counted, and what it told */
  async function sending(proxies: string | null, ...all: Record<string, string>[]) {
    const server = await startTestServer(fresh.url, { settings: proxies === null ? {} : { TRUSTED_PROXIES: proxies } })
    try {
      for (const headers of all) assert.equal((await server.call('GET', '/health/live', { headers })).status, 200)
    } finally {
      await server.close()
    }
    const [cell] = server.app.meter.counted('ntt_auth_forwarding_unbelieved_total')
    const told = server.log.filter(({ event }) => event === 'forwarding_unbelieved')
    return { counted: cell?.value ?? 0, told }
  }
  const forwarded = { 'x-forwarded-for': '203.0.113.9' }
  const standard = { forwarded: 'for=203.0.113.9' }

  it('that nobody is trusted to send is counted each time, and told of once', async () => {
    const { counted, told } = await sending(null, forwarded, standard, {}, forwarded)
    assert.equal(counted, 3)
    assert.equal(told.length, 1)
    assert.equal(told[0]!.level, 'warn')
    assert.match(String(told[0]!.msg), /NTT_AUTH_TRUSTED_PROXIES names no proxy.* share one network for throttling/)
    assert.match(String(told[0]!.from), /127\.0\.0\.1$/)
    assert.equal(JSON.stringify(told).includes('203.0.113.9'), false, 'what it says is not believed, nor repeated')
  })

  it('that comes past the proxies is counted, and no reason to think that there are none', async () => {
    assert.deepEqual(await sending('10.0.0.0/8', forwarded, standard), { counted: 2, told: [] })
  })

  it('of a trusted proxy is nothing to speak of', async () => {
    assert.deepEqual(await sending('127.0.0.1', forwarded, standard), { counted: 0, told: [] })
  })

  it('is none that a request does without', async () => {
    assert.deepEqual(await sending(null, {}, { 'x-request-id': 'a' }), { counted: 0, told: [] })
  })

  it('of a trusted proxy names the caller, also where it writes ports', async () => {
    const server = await startTestServer(fresh.url, { settings: { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8,fd00::/8' } })
    const { access_token: token } = await registerSomebody(server)
    const addressSeen = async (value: string) => {
      const headers = { 'x-forwarded-for': value, authorization: `Bearer ${token}` }
      assert.equal((await server.call('GET', '/v1/users/me', { headers })).status, 200)
      await eventually(() => server.log.some(({ ip }) => ip !== undefined))
      return server.log.splice(0).find(({ ip }) => ip !== undefined)!.ip
    }
    server.log.splice(0)
    try {
      for (const [value, expected] of [
        ['203.0.113.9', '203.0.113.9'],
        ['203.0.113.9:5678', '203.0.113.9'],
        ['[2001:db8::1]:443', '2001:db8::1'],
        ['[2001:DB8:0::1]', '2001:db8::1'],
        ['2001:db8::1', '2001:db8::1'],
        ['198.51.100.1, 203.0.113.9:5678, 10.1.2.3:40000', '203.0.113.9'],
        ['203.0.113.9, [fd00::5]:80, 10.1.2.3', '203.0.113.9'],
        ['203.0.113.9:5678, nonsense:80', '127.0.0.1'],
        ['203.0.113.9, 10.1.2.3:port', '127.0.0.1'],
        ['[::ffff:203.0.113.9]:1', '203.0.113.9'],
      ] as const) {
        assert.equal(await addressSeen(value), expected, value)
      }
    } finally {
      await server.close()
    }
  })
})
