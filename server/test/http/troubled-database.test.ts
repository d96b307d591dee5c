import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { createManagementServer } from '../../src/http/management.ts'
import { administrator } from '../flows/flow-server.ts'
import { databases, freshDatabase } from '../support/databases.ts'
import { startTcpGate, type TcpGate } from '../support/fault-proxy.ts'
import { call, goodPassword, registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

describe('a SQLite database in trouble', () => {
  let server: TestServer
  let url: string
  let drop: () => Promise<void>
  before(async () => {
    const fresh = await freshDatabase('SQLite')
    ;({ url, drop } = fresh)
    server = await startTestServer(url)
  })
  after(async () => {
    await server.close()
    await drop()
  })

  const register = (email: string) =>
    server.call('POST', '/v1/auth/register', { body: { email, password: goodPassword, name: 'x'.repeat(200) } })
  const ready = async () => {
    server.clock.advance(1000)
    return (await server.call('GET', '/health/ready')).status
  }

  it('that is full answers 503, is not ready, and both ends with the first write that succeeds', async () => {
    const somebody = await registerSomebody(server)
    const limit = (pages: number) => sql.raw(`pragma max_page_count = ${pages}`).execute(server.app.database.db)
    assert.equal(await ready(), 200)
    // SQLite takes the size that the file has for the smallest limit.
    await limit(1)
    let answer = await register('first@example.com')
    for (let count = 0; answer.status === 201 && count < 200; count++) answer = await register(`a${count}@example.com`)
    assert.deepEqual([answer.status, answer.body.code, answer.body.retryable], [503, 'unavailable', true])
    assert.equal(await ready(), 503)
    assert.match((await reasons()).join(), /The database takes no writes: .*full/)
    assert.equal((await server.call('GET', '/v1/auth/validate', { token: somebody.access_token })).status, 200)
    assert.equal((await server.call('GET', '/v1/users/me', { token: somebody.access_token })).status, 200)

    await limit(1_000_000)
    assert.equal((await register('later@example.com')).status, 201)
    assert.equal(await ready(), 200)
  })

  it('that is full is tried again after a while, since nobody sends writes to a node that is not ready', async () => {
    const { writes } = server.app.database
    writes.refusal = { error: new Error('database or disk is full') }
    assert.equal(await ready(), 503)
    server.clock.advance(8_000)
    assert.equal(await ready(), 503)
    server.clock.advance(1_000)
    assert.equal(await ready(), 200)
    writes.refusal = { error: new Error('database or disk is full') }
    assert.equal(await ready(), 503)
    writes.refusal = null
  })

  it('that another process is writing to keeps writers waiting, and nobody else', async () => {
    const somebody = await registerSomebody(server)
    const other = await openDatabase({ url })
    const holder = await other.db.startTransaction().execute()
    // However long a busy machine takes for what follows.
    Object.assign(server.app.database, { turnWait: 60_000 })
    server.app.database.retries.attempts = 1
    let written = 0
    const writers = [
      register('waiting@example.com'),
      server.call('POST', '/v1/auth/refresh', { body: { refresh_token: somebody.refresh_token } }),
      server.call('PATCH', '/v1/users/me', { token: somebody.access_token, body: { name: 'Ada' } }),
    ].map((writer) => writer.finally(() => written++))
    for (let round = 0; round < 5; round++) {
      assert.equal((await server.call('GET', '/health/live')).status, 200)
      assert.equal(await ready(), 200)
      assert.equal((await server.call('GET', '/v1/auth/validate', { token: somebody.access_token })).status, 200)
      assert.equal((await server.call('GET', '/v1/users/me', { token: somebody.access_token })).status, 200)
    }
    assert.equal(written, 0)
    await holder.rollback().execute()
    // One attempt each was enough: they waited, and the process did not.
    assert.deepEqual(
      (await Promise.all(writers)).map(({ status }) => status),
      [201, 200, 200],
    )
    await other.close()
  })

  async function reasons(): Promise<string[]> {
    const door = createManagementServer(server.app)
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
    const { port } = door.address() as { port: number }
    const { body } = await call(`http://127.0.0.1:${port}`, 'GET', '/health/ready')
    door.close()
    return body.reasons
  }
})

for (const { name, available, why } of databases.filter(({ name }) => name !== 'SQLite')) {
  describe(`a ${name} that resets every connection`, { skip: available ? false : why }, () => {
    let server: TestServer
    let gate: TcpGate
    let fresh: Awaited<ReturnType<typeof freshDatabase>>
    before(async () => {
      fresh = await freshDatabase(name)
      const url = new URL(fresh.url)
      gate = await startTcpGate({ host: url.hostname, port: Number(url.port) })
      url.port = String(gate.port)
      server = await startTestServer(url.href, { quickHashes: true })
    })
    after(async () => {
      gate?.mend()
      await server?.close()
      await gate?.close()
      await fresh?.drop()
    })

    it('has requests answered 503 and logged as errors, and is forgiven once it is well', async () => {
      const one = await registerSomebody(server)
      const admin = await administrator(server)
      const { email, password, refresh_token } = one
      const requests = () =>
        [
          ['/v1/auth/login', { body: { email, password } }],
          ['/v1/auth/refresh', { body: { refresh_token }, headers: { 'refresh-key': 'q83vEjRWeJCrze8SNFZ4kA' } }],
          ['/v1/auth/logout', { body: { refresh_token } }],
          [`/v1/admin/users/${one.user.id}/disable`, { token: admin.token }],
        ] as const
      server.log.length = 0
      gate.reset()
      // At first the connections that were open break, then no new one comes about.
      for (let round = 0; round < 2; round++) {
        for (const [path, options] of requests()) {
          const { status, body, headers } = await server.call('POST', path, options)
          const said = [path, status, body.code, body.retryable, headers.get('retry-after')]
          assert.deepEqual(said, [path, 503, 'unavailable', true, '1'])
          const line = server.log.find(({ request_id }) => request_id === body.request_id)
          assert.deepEqual([line?.level, line?.msg], ['error', 'database unavailable'])
        }
      }
      gate.mend()
      const answers = []
      for (const [path, options] of requests()) answers.push((await server.call('POST', path, options)).status)
      assert.deepEqual(answers, [200, 200, 204, 204])
    })
  })
}
