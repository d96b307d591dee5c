import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { settingNames, variableOf } from '../../src/config/env.ts'
import { metricsPage } from '../../src/http/metrics-page.ts'
import { validate } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

const root = join(import.meta.dirname, '../../..')
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))
const page = pages.find(({ path }) => path.endsWith('monitoring.md'))!.text

describe('what the documentation says about monitoring', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  let server: TestServer
  before(async () => {
    fresh = await freshDatabase('SQLite')
    server = await startTestServer(fresh.url)
  })
  after(async () => {
    await server.close()
    await fresh.drop()
  })

  it('names metrics that there are', async () => {
    const { text } = await metricsPage(server.app)()
    const known = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]!))
    const shape = /\b(?:ntt_auth|http_server|nodejs|process)_[a-z0-9_]*[a-z0-9]\b/g
    const named = pages.flatMap(({ path, text }) => [...text.matchAll(shape)].map(([name]) => ({ path, name })))
    assert.ok(named.filter(({ path }) => path.endsWith('monitoring.md')).length > 20)
    // A package and a namespace, not metrics.
    const others = new Set(['ntt_auth_client'])
    const unknown = named.filter(({ name }) => !known.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, '')))
    assert.deepEqual(
      unknown.filter(({ name }) => !others.has(name)),
      [],
    )
  })

  it('names settings that there are', () => {
    const known = new Set<string>(settingNames.map(variableOf))
    const named = [...page.matchAll(/\bNTT_AUTH_[A-Z_]*[A-Z]/g)].map(([name]) => name)
    assert.ok(named.length > 5)
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    )
  })

  it('names every field of a line about a request, and no other', async () => {
    const { access_token } = await registerSomebody(server)
    await server.call('GET', '/v1/users/me', {
      token: access_token,
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    })
    await validate(server, access_token)
    const line = server.log.find(({ msg, trace_id }) => msg === 'request' && trace_id)!
    const table = page.slice(page.indexOf('| field |'), page.indexOf('Other lines have'))
    const rows = table.split('\n').slice(2)
    const fields = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]!))
    // With tracing, and where a caller hung up.
    assert.deepEqual(fields.toSorted(), [...Object.keys(line), 'span_id', 'unfinished'].toSorted())
  })
})
