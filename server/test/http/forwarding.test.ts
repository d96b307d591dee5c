import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer } from '../support/server.ts'

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
})
