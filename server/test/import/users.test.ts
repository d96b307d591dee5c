import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileOutput } from '../../src/cli/open-output.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { importUsers } from '../../src/flows/import-users.ts'
import { readFormats } from '../../src/flows/know-formats.ts'
import { readImportRow } from '../../src/http/import-row.ts'
import { newId } from '../../src/random.ts'
import { describeFlow, eventually, logIn, problem } from '../flows/flow-server.ts'
import { foreignVectors } from '../passwords/vectors.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'
import {
  countUsers,
  directory,
  hash,
  ndjson,
  type Options,
  password,
  type Row,
  reportAt,
  run,
  write,
} from './run-users.ts'

const hashOf = async (server: TestServer, id: string) => {
  const { db } = server.app.database
  return (await db.selectFrom('passwords').select('hash').where('user_id', '=', id).executeTakeFirst())?.hash
}

describeFlow('users import', (flow) => {
  const bring = (path: string, options: Options = {}) => run(flow.url, ['import', path], options)
  const read = (email: string) =>
    flow.server.app.database.db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst()

  it('brings users of every format, who log in with their passwords and are rehashed', async () => {
    // The first of each spelling: those are cheap.
    const spelling = ({ hash }: { hash: string }) => /^[^0-9]*/.exec(hash)![0]
    const seen = new Set<string>()
    const chosen = foreignVectors.filter((vector) => seen.size < seen.add(spelling(vector)).size)
    assert.ok(chosen.length >= 15)
    const rows = chosen.map((vector, place) => ({ ...vector, email: `vector-${place}@example.com` }))
    const path = ndjson(rows.map(({ email, hash }) => ({ email, password_hash: hash })))
    const { code, out } = await bring(path, { json: true })
    assert.equal(code, 0)
    assert.deepEqual(
      { ...JSON.parse(out), run: '' },
      {
        run: '',
        dry_run: false,
        rows: rows.length,
        created: rows.length,
        skipped: 0,
        failed: 0,
      },
    )
    for (const { email, password } of rows) {
      const { status, body } = await logIn(flow.server, email, { password })
      assert.equal(status, 200, email)
      await eventually(async () => (await hashOf(flow.server, body.user.id))!.startsWith('$argon2id$v=19$m=19456,'))
    }
  })

  it('every node knows what imported hashes cost before one of their users comes', async () => {
    const { app } = flow.server
    const known: [string, number[]][] = []
    const { know } = app.hasher
    app.hasher.know = (kind, units) => void known.push([kind, units])
    try {
      await readFormats(app)
      assert.ok(!known.some(([kind, [, most]]) => kind === 'phpass' && most! > 2 ** 13))
      const rows = ['$P$B', '$P$F', '$P$D'].map((start, place) => ({
        email: `costs-${place}@example.com`,
        password_hash: `${start}12345678abcdefghijklmnopqrstuv`,
      }))
      assert.equal((await bring(ndjson(rows.slice(0, 1)))).code, 0)
      // Two at once, each with something new.
      const codes = await Promise.all(rows.slice(1).map((row) => bring(ndjson([row]))))
      assert.deepEqual(
        codes.map(({ code }) => code),
        [0, 0],
      )
      known.length = 0
      await readFormats(app)
      const [least, most] = known.find(([kind]) => kind === 'phpass')![1] as [number, number]
      assert.ok(least <= 2 ** 13)
      assert.equal(most, 2 ** 17)
      // A dry run, and rows that fail, tell nothing.
      await bring(ndjson([{ email: 'costs-9@example.com', password_hash: '$P$G12345678abcdefghijklmnopqrstuv' }]), {
        'dry-run': true,
      })
      known.length = 0
      await readFormats(app)
      assert.equal(known.find(([kind]) => kind === 'phpass')![1][1], most)
    } finally {
      app.hasher.know = know
    }
  })

  it('what is made to do harm fails in its own row, and the rows around it are made', async () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    const row = (name: string, rest: string) => `{"email":"${name}@example.com",${rest}}`
    const absurd = [
      '$2b$31$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG',
      '$bcrypt-sha256$v=2,t=2b,r=31$YMK7kB0TEX.jJMK2mDO50u$zS5qm81vzCI0DXwKUx6R8EcyLaNxPQG',
      'bcrypt_sha256$$2b$31$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG',
      '$wp$2y$31$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG',
      `$argon2id$v=19$m=4294967295,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      `argon2$argon2id$v=19$m=1024,t=4294967295,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      `pbkdf2_sha256$4294967295$salt$${'A'.repeat(43)}=`,
      `pbkdf2:sha256:4294967295$salt$${'a'.repeat(64)}`,
      `$pbkdf2-sha256$4294967295$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      `scrypt:1073741824:8:1$salt$${'a'.repeat(128)}`,
      `scrypt:16384:8:999999999$salt$${'a'.repeat(128)}`,
      `scrypt$16384$salt$999999999$1$${'A'.repeat(86)}==`,
      `$scrypt$ln=63,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
      `$firescrypt$ln=63,r=8,p=1$c2FsdA==$${'A'.repeat(86)}==$Bw==$${'A'.repeat(86)}==`,
      `$P$S${'a'.repeat(30)}`,
    ]
    const rows: [string, string | null][] = [
      [row('before-harm', '"name":"Ada"'), null],
      [row('deep', `"metadata":${nested(60_000)}`), 'maxDepth'],
      [row('deep-enough', `"metadata":${nested(16)}`), 'maxDepth'],
      [row('not-too-deep', `"metadata":${nested(15)}`), null],
      [`{"email":"deep-row@example.com","name":${'['.repeat(60_000)}${']'.repeat(60_000)}}`, 'type'],
      [row('nul', '"name":"a\\u0000b"'), 'pattern'],
      ['{"email":"nu\\u0000l@example.com"}', 'format'],
      ['{"email":"raw\0@example.com"}', 'not_an_object'],
      [row('roles', `"roles":[${Array(20_000).fill('"a"').join()}]`), 'maxItems'],
      [row('same-roles', '"roles":["a","a"]'), 'uniqueItems'],
      ['{"email":"bücher@example.com"}', 'format'],
      ['{"email":"ada@bücher.example"}', 'format'],
      ['{"email":"\\"quoted ada\\"@example.com"}', 'format'],
      ['{"email":"ada@[192.0.2.7]"}', 'format'],
      ['{"email":["ada@example.com"]}', 'type'],
      ['{"email":"xn-ada@xn--bcher-kva.example"}', null],
      [row('far-future', '"created_at":"9999-12-31T23:59:59Z"'), 'in_the_future'],
      [row('far-past', '"created_at":"0001-01-01T00:00:00Z"'), 'format'],
      [row('nineteen-seventy', '"created_at":"1970-01-01T00:00:00Z"'), null],
      [`{"email":"id-ahead@example.com","id":"${newId(Date.now() + 60 * 60_000)}"}`, 'not_of_that_time'],
      [row('id-behind', `"id":"${newId(1_600_000_000_000)}","created_at":"2019-01-01T00:00:00Z"`), 'not_of_that_time'],
      [row('no-day', '"created_at":"2020-02-31T25:00:00Z"'), 'format'],
      [row('proto', '"__proto__":{"status":"active"}'), 'unknown_field'],
      [row('constructor', '"constructor":1'), 'unknown_field'],
      ...absurd.map((each, place): [string, string] => [
        row(`absurd-${place}`, `"password_hash":"${each}"`),
        'hash_too_costly',
      ]),
      [row('after-harm', '"name":"Bob"'), null],
    ]
    const report = join(directory, `${flow.name}-harm.ndjson`)
    const { code } = await bring(write('harm.ndjson', rows.map(([text]) => text).join('\n')), { report })
    assert.equal(code, 1)
    const told = reportAt(report).map(({ outcome, code }) => (outcome === 'created' ? null : code))
    assert.deepEqual(
      told.map((each, place) => `${rows[place]![0].slice(0, 60)} ${each}`),
      rows.map(([text, each]) => `${text.slice(0, 60)} ${each}`),
    )
  })

  it('a second row of one address fails as such however far behind the first it stands', async () => {
    const rows = Array.from({ length: 300 }, (_, place) => ({ email: `far-${place}@example.com` }))
    const report = join(directory, `${flow.name}-far.ndjson`)
    const { out } = await bring(ndjson([...rows, { email: 'FAR-0@example.com' }]), { report })
    assert.equal(out, '301 rows: 300 created, 0 skipped, 1 failed.')
    assert.equal(reportAt(report).at(-1).code, 'duplicate_email')
  })

  it('names the first twenty rows that failed, and leaves the rest to the report', async () => {
    const { code, err } = await bring(ndjson(Array.from({ length: 23 }, () => ({ email: 'bad' }))))
    assert.equal(code, 1)
    assert.equal(err.match(/^line \d+: /gm)!.length, 20)
    assert.equal(err.match(/Further rows that failed are not shown/g)!.length, 1)
  })

  it('ids that are there already fail by themselves, in the database and within a file', async () => {
    const { user } = await registerSomebody(flow.server)
    const id = newId(1_500_000_000_000)
    const report = join(directory, `${flow.name}-ids.ndjson`)
    const rows = [
      { email: 'id-1@example.com', id: user.id },
      { email: 'id-2@example.com', id },
      { email: 'id-3@example.com', id },
      { email: 'id-4@example.com', id: id.replace(/-7/, '-4') },
      { email: 'id-5@example.com', id: newId(1_500_000_000_000) },
    ]
    assert.equal((await bring(ndjson(rows), { report })).code, 1)
    assert.deepEqual(
      reportAt(report).map(({ outcome, code }) => code ?? outcome),
      ['id_taken', 'created', 'id_taken', 'pattern', 'created'],
    )
    assert.equal((await read('id-2@example.com'))!.id, id)
  })

  it('reads from a pipe, and says what is wrong with a report on a full disk', {
    skip: !existsSync('/dev/full'),
  }, async () => {
    const path = join(directory, `${flow.name}.pipe`)
    execFileSync('mkfifo', [path])
    const [{ code, out }] = await Promise.all([
      bring(path, { format: 'ndjson' }),
      writeFile(path, '{"email":"piped@example.com"}\n{"email":"cut'),
    ])
    assert.deepEqual([code, out], [1, '2 rows: 1 created, 0 skipped, 1 failed.'])
    const full = ndjson([{ email: 'on-a-full-disk@example.com' }])
    await assert.rejects(
      () => bring(full, { report: '/dev/full' }),
      /The report cannot be written to \/dev\/full any more \(ENOSPC\)\. What was imported stays; .*run it again/,
    )
    assert.ok(await read('on-a-full-disk@example.com'))
    const device = await open('/dev/full', 'a')
    await assert.rejects(
      () => fileOutput(device, 'out.ndjson').write('x'),
      /out\.ndjson cannot be written any more \(ENOSPC\)/,
    )
    await device.close()
  })

  it('takes over every field, and lists users by when they were made', async () => {
    const path = write(
      'fields.csv',
      [
        'email,password_hash,email_verified,name,locale,roles,status,metadata,created_at,last_login_at',
        ` Old-Ada@Example.com,${hash},t,Ada Lovelace,de-CH,"admin,editor",,"{""plan"":""gold""}",2019-05-01T10:00:00+02:00,2020-01-01T00:00:00Z`,
        `old-bob@example.com,${hash},f,,,,disabled,,2018-01-01T00:00:00Z,`,
        'old-cy@example.com,,,,,,,,,',
      ].join('\r\n'),
    )
    assert.equal((await bring(path)).code, 0)
    const ada = (await logIn(flow.server, 'old-ada@example.com', { password })).body.user
    assert.deepEqual(
      { ...ada, id: '', updated_at: '', last_login_at: '' },
      {
        id: '',
        email: 'old-ada@example.com',
        email_verified: true,
        name: 'Ada Lovelace',
        locale: 'de-CH',
        roles: ['admin', 'editor'],
        status: 'active',
        metadata: { plan: 'gold' },
        created_at: '2019-05-01T08:00:00.000Z',
        updated_at: '',
        last_login_at: '',
      },
    )
    const bob = await read('old-bob@example.com')
    assert.ok(bob!.id < ada.id)
    // It came here just now, however old it is.
    assert.ok(Math.abs(bob!.updated_at - Date.now()) < 60 * 60_000)
    assert.equal(problem(await logIn(flow.server, 'old-bob@example.com', { password })), '403 account_disabled')
    assert.equal((await read('old-cy@example.com'))!.status, 'pending')
    const { out } = await run(flow.url, ['list'], { q: 'lovelace', role: 'editor', json: true })
    assert.equal(JSON.parse(out).items[0].id, ada.id)
  })

  it('says of each row what became of it and how to mend it, without a hash in any sentence', async () => {
    await registerSomebody(flow.server, 'here@example.com')
    const secret = '$unheard-of$a-secret-digest'
    const rows: unknown[] = [
      { email: 'row-1@example.com', password_hash: hash },
      { email: 'HERE@example.com', password_hash: hash },
      { email: 'row-1@EXAMPLE.com', password_hash: hash },
      { email: 'nonsense', password_hash: hash },
      { password_hash: hash },
      { email: 'row-6@example.com', password_hash: secret },
      { email: 'row-7@example.com', password_hash: hash.replace('$04$', '$15$') },
      { email: 'row-8@example.com', password: 'plain text' },
      { email: 'row-9@example.com', roles: ['Root'] },
      { email: 'row-10@example.com', created_at: '2999-01-01T00:00:00Z' },
      { email: 'row-11@example.com', created_at: '2020-01-01 00:00:00' },
      { email: 'row-12@example.com', status: 'active' },
      { email: 'row-13@example.com', metadata: { much: 'x'.repeat(17_000) } },
      { email: 'row-14@example.com', id: newId(1), created_at: '2020-01-01T00:00:00Z' },
      `{"email":"row-15@example.com","password_hash":"${secret}"`,
      { email: 'row-16@example.com', password_hash: 'x'.repeat(256) },
      { email: 'row-17@example.com', name: null, password_hash: null },
    ]
    const path = ndjson(rows as Row[])
    const report = join(directory, `${flow.name}-report.ndjson`)
    const { code, out, err } = await bring(path, { report })
    assert.equal(code, 1)
    assert.equal(out, '17 rows: 2 created, 1 skipped, 14 failed.')
    const told = reportAt(report)
    assert.deepEqual(
      told.map(({ line, outcome, code }) => [line, outcome, ...(code ? [code] : [])]),
      [
        [1, 'created'],
        [2, 'skipped', 'email_taken'],
        [3, 'failed', 'duplicate_email'],
        [4, 'failed', 'format'],
        [5, 'failed', 'required'],
        [6, 'failed', 'unknown_hash_format'],
        [7, 'failed', 'hash_too_costly'],
        [8, 'failed', 'unknown_field'],
        [9, 'failed', 'pattern'],
        [10, 'failed', 'in_the_future'],
        [11, 'failed', 'format'],
        [12, 'failed', 'no_password'],
        [13, 'failed', 'maxLength'],
        [14, 'failed', 'not_of_that_time'],
        [15, 'failed', 'not_an_object'],
        [16, 'failed', 'maxLength'],
        [17, 'created'],
      ],
    )
    assert.ok(told.filter(({ outcome }) => outcome !== 'created').every(({ detail }) => detail.length > 20))
    assert.equal(told[0].id, (await read('row-1@example.com'))!.id)
    const everything = readFileSync(report, 'utf8') + err + out
    for (const hidden of [secret, 'a-secret-digest', hash, 'xxxx', 'plain text'])
      assert.ok(!everything.includes(hidden))
    assert.equal(statSync(report).mode & 0o777, 0o600)
    assert.match(err, /^line 4: /m)
    assert.match(err, /report\.ndjson/)
    // Nothing of the rows that failed is there.
    for (const line of [4, 6, 7, 9, 12]) assert.equal(await read(`row-${line}@example.com`), undefined)
  })

  it('run again after it was cut off, it goes on without making or changing anybody twice', async () => {
    const people = Array.from({ length: 1100 }, (_, place) => ({
      email: `cut-${place}@example.com`,
      password_hash: hash,
      name: `Person ${place}`,
    }))
    const bytes = people.map((row) => Buffer.from(`${JSON.stringify(row)}\n`))
    async function* broken() {
      yield* bytes.slice(0, 700)
      throw new Error('the pipe broke')
    }
    const before = await countUsers(flow.server)
    await assert.rejects(() => run(flow.url, ['import', '-'], { format: 'ndjson' }, broken()), /the pipe broke/)
    assert.equal(await countUsers(flow.server), before + 500)
    const first = await read('cut-1@example.com')
    const report = join(directory, `${flow.name}-resumed.ndjson`)
    const { code, out } = await run(flow.url, ['import', '-'], { format: 'ndjson', report }, bytes)
    assert.deepEqual([code, out], [0, '1100 rows: 600 created, 500 skipped, 0 failed.'])
    assert.equal(await countUsers(flow.server), before + 1100)
    assert.deepEqual(await read('cut-1@example.com'), first)
    assert.equal(reportAt(report).length, 1100)
    const third = await run(flow.url, ['import', '-'], { format: 'ndjson', report }, bytes)
    assert.equal(third.out, '1100 rows: 0 created, 1100 skipped, 0 failed.')
    assert.equal(reportAt(report).length, 2200)
  })

  it('two runs of one file at once make everybody once', async () => {
    const { app } = flow.server
    const now = Date.now()
    const rows = Array.from({ length: 50 }, (_, place) => ({
      line: place + 1,
      ...readImportRow({ email: `race-${place}@example.com`, password_hash: hash }, now),
    }))
    const again = rows.map((row) => ({ ...row, user: { ...row.user, id: newId(now) } }))
    const runOf = () => ({ id: newId(now), startedAt: app.clock.now(), isDryRun: false, onConflict: 'skip' as const })
    const outcomes = (await Promise.all([importUsers(app, runOf(), rows), importUsers(app, runOf(), again)])).flat()
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'created').length, 50)
  })

  it('a dry run judges all and changes nothing, and --on-conflict fail says no to taken addresses', async () => {
    const path = ndjson([
      { email: 'dry@example.com', password_hash: hash },
      { email: 'here@example.com', password_hash: hash },
      { email: 'bad' },
    ])
    const before = await countUsers(flow.server)
    const dry = await bring(path, { 'dry-run': true })
    assert.deepEqual([dry.code, dry.out], [1, '3 rows: 1 would be created, 1 skipped, 1 failed.'])
    assert.equal(await countUsers(flow.server), before)
    const strict = await bring(path, { 'on-conflict': 'fail' })
    assert.deepEqual([strict.code, strict.out], [1, '3 rows: 1 created, 0 skipped, 2 failed.'])
  })

  it('leaves a line in the audit log for each portion, in the same transaction', async () => {
    const { db } = flow.server.app.database
    const { out } = await bring(
      ndjson([{ email: 'told@example.com' }, { email: 'bad' }, { email: 'told-2@example.com' }]),
      {
        json: true,
      },
    )
    const lines = await db.selectFrom('audit_lines').selectAll().where('event', '=', 'users_imported').execute()
    const line = lines.find(({ details }) => details.includes(JSON.parse(out).run))!
    assert.deepEqual(JSON.parse(line.details), { run: JSON.parse(out).run, count: 2, first_line: 1, last_line: 3 })
    assert.equal(line.actor_kind, 'operator')
    const count = lines.length
    await bring(ndjson([{ email: 'told@example.com' }]))
    assert.equal(
      (await db.selectFrom('audit_lines').selectAll().where('event', '=', 'users_imported').execute()).length,
      count,
    )
  })

  it('refuses what it cannot understand before it touches anything', async () => {
    const csv = write('bad.csv', 'email,hash\na@example.com,x\n')
    for (const [args, options, sentence] of [
      [['import'], {}, /Say from where/],
      [['import', join(directory, 'nowhere.csv')], {}, /There is no file/],
      [['import', directory], { format: 'csv' }, /is a directory\. Name a file that can be read/],
      [['import', csv], {}, /column "hash"/],
      [['import', '-'], {}, /--format/],
      [['import', csv], { format: 'xml' }, /ndjson or csv/],
      [['import', csv], { 'on-conflict': 'update' }, /skip or fail/],
      [['import', csv], { report: join(directory, 'no', 'where') }, /report cannot be written/],
      [['import', csv], { to: 'x' }, /--to belongs to "users export"/],
      [['list'], { format: 'csv' }, /--format belongs/],
      [['list'], { 'dry-run': true }, /--dry-run belongs to "users import"/],
      [['export'], {}, /--to FILE/],
      [['export'], { to: join(directory, 'x.txt') }, /--format/],
      [['export'], { to: csv }, /exists already/],
      [['export'], { to: '-', json: true }, /--format ndjson/],
    ] as const) {
      await assert.rejects(
        () => run(flow.url, [...args], options),
        (error: Error) => error instanceof UsageError && sentence.test(error.message),
        JSON.stringify([args, options]),
      )
    }
  })
})
