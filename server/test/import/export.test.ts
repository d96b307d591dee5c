import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { describeFlow, logIn, problem } from '../flows/flow-server.ts'
import { databases, freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'
import { countUsers, directory, hash, ndjson, password, reportAt, run } from './run-users.ts'

describeFlow('users export', (flow) => {
  const bring = (path: string, options = {}) => run(flow.url, ['import', path], options)
  const read = (email: string) =>
    flow.server.app.database.db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst()

  before(async () => {
    await registerSomebody(flow.server, 'here@example.com')
    // More than one portion.
    const many = Array.from({ length: 600 }, (_, place) => ({ email: `many-${place}@example.com` }))
    const waiting = { email: 'waiting@example.com', password_hash: hash, unconfirmed_since: '2026-11-20T00:00:00Z' }
    assert.equal((await bring(ndjson([...many, waiting]))).code, 0)
  })

  it('what is exported is imported into another kind of database, and everybody logs in as before', async () => {
    const strange = ['=HYPERLINK("x")', "'=1", 'O’Hara, "Bob"', '-1', 'Zoë']
    const path = ndjson(
      strange.map((name, place) => ({
        email: `strange-${place}@example.com`,
        password_hash: hash,
        name,
        status: place === 4 ? 'disabled' : 'active',
        metadata: { note: 'two\nlines, "marks"', deep: { list: [1, null] } },
        roles: ['a', 'b'],
        created_at: `20${10 + place}-01-01T00:00:00.123Z`,
      })),
    )
    assert.equal((await bring(path)).code, 0)
    const places = databases.filter(({ available }) => available)
    const next = places[(places.findIndex(({ name }) => name === flow.name) + 1) % places.length]!
    for (const format of ['ndjson', 'csv']) {
      const file = join(directory, `${flow.name}.${format}`)
      const exported = await run(flow.url, ['export'], { to: file, 'with-password-hashes': true })
      assert.equal(exported.code, 0)
      assert.equal(statSync(file).mode & 0o777, 0o600)
      const target = await freshDatabase(next.name)
      const server = await startTestServer(target.url, { clock: flow.server.clock })
      try {
        const { code, err } = await run(target.url, ['import', file])
        assert.equal(code, 0, err)
        const users = async (each: TestServer) =>
          (await each.app.database.db.selectFrom('users').selectAll().orderBy('id').execute()).map((row) => ({
            ...row,
            updated_at: 0,
          }))
        assert.deepEqual(await users(server), await users(flow.server))
        const hashes = async (each: TestServer) =>
          (
            await each.app.database.db.selectFrom('passwords').select(['user_id', 'hash']).orderBy('user_id').execute()
          ).map((row) => ({ ...row }))
        assert.deepEqual(await hashes(server), await hashes(flow.server))
        assert.equal((await logIn(server, 'strange-0@example.com', { password })).body.user.name, strange[0])
        assert.equal(problem(await logIn(server, 'strange-4@example.com', { password })), '403 account_disabled')
        assert.equal((await logIn(server, 'here@example.com')).status, 200)
        const again = await run(target.url, ['import', file], { 'on-conflict': 'fail' })
        assert.equal(again.code, 1)
      } finally {
        await server.close()
        await target.drop()
      }
    }
  })

  it('an export has no hashes unless they are asked for, and is told of in the audit log', async () => {
    const { out, err } = await run(flow.url, ['export'], { to: '-' })
    const rows = out.split('\n').map((line) => JSON.parse(line))
    assert.equal(rows.length, await countUsers(flow.server))
    assert.ok(rows.length > 500)
    assert.deepEqual(
      rows.map(({ id }) => id).sort(),
      rows.map(({ id }) => id),
    )
    assert.ok(!out.includes('$'), 'a hash')
    // Nobody is active without a password where the file is read, but who was disabled stays so.
    const statusOf = (email: string) => rows.find((row) => row.email === email).status
    assert.deepEqual([statusOf('strange-0@example.com'), statusOf('strange-4@example.com')], [undefined, 'disabled'])
    assert.match(err, /--with-password-hashes/)
    const { db } = flow.server.app.database
    const lines = await db.selectFrom('audit_lines').select('details').where('event', '=', 'users_exported').execute()
    assert.deepEqual(lines.map(({ details }) => details).sort(), [
      '{"password_hashes":false}',
      '{"password_hashes":true}',
      '{"password_hashes":true}',
    ])
    const csv = (await run(flow.url, ['export'], { to: '-', format: 'csv' })).out
    assert.match(
      csv,
      /^id,email,email_verified,name,locale,roles,status,metadata,created_at,last_login_at,deletion_due_at,unconfirmed_since\n/,
    )
    assert.ok(csv.includes(`"'=HYPERLINK(""x"")"`))
  })

  it('a registration that nobody has confirmed stays one where it is imported, and gives way there too', async () => {
    const since = Date.now() - 60_000
    const email = `unconfirmed-${flow.name.toLowerCase()}@example.com`
    const waiting = { status: 'pending', unconfirmed_since: new Date(since).toISOString() }
    assert.equal((await bring(ndjson([{ email, password_hash: hash, ...waiting }]))).code, 0)
    const first = (await read(email))!
    assert.deepEqual([first.status, Number(first.unconfirmed_since)], ['pending', since])
    for (const format of ['ndjson', 'csv']) {
      const file = join(directory, `${flow.name}-unconfirmed.${format}`)
      await run(flow.url, ['export'], { to: file, 'with-password-hashes': true })
      assert.ok(readFileSync(file, 'utf8').includes(waiting.unconfirmed_since))
      // The same export into the same database changes nobody.
      const { code, out } = await bring(file)
      assert.deepEqual([code, /(\d+) created, \d+ skipped, (\d+) failed/.exec(out)!.slice(1)], [0, ['0', '0']], out)
      assert.deepEqual(await read(email), first)
    }
    // Another registration is worth no more than the one that is there; who belongs to somebody is.
    await bring(ndjson([{ email, password_hash: hash, ...waiting }]))
    assert.deepEqual(await read(email), first)
    assert.equal((await bring(ndjson([{ email, password_hash: hash }]))).code, 0)
    const second = (await read(email))!
    assert.deepEqual([second.status, second.unconfirmed_since, second.id === first.id], ['active', null, false])
  })

  it('says when it cannot be that an address is still to be confirmed', async () => {
    const report = join(directory, `${flow.name}-never.ndjson`)
    const unconfirmed_since = '2020-01-01T00:00:00Z'
    const rows = [
      { email: 'never-1@example.com', unconfirmed_since, email_verified: true },
      { email: 'never-2@example.com', unconfirmed_since, password_hash: hash, status: 'active' },
      { email: 'never-3@example.com', unconfirmed_since: '2999-01-01T00:00:00Z' },
      { email: 'never-4@example.com', unconfirmed_since, password_hash: hash },
      { email: 'never-5@example.com', unconfirmed_since, password_hash: hash, status: 'disabled' },
    ]
    assert.equal((await bring(ndjson(rows), { report })).code, 1)
    assert.deepEqual(
      reportAt(report).map(({ outcome, code }) => code ?? outcome),
      ['confirmed', 'confirmed', 'in_the_future', 'created', 'created'],
    )
    assert.equal((await read('never-4@example.com'))!.status, 'pending')
  })
})
