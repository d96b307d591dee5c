import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { command } from '../../src/cli/audit.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { checkpointFile } from '../../src/domain/audit/checkpoint-file.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { freshDatabase } from '../support/databases.ts'
import { quickDirectory } from '../support/quick-directory.ts'
import { runCommand } from '../support/run-command.ts'
import { goodPassword, registerSomebody, startTestServer, type TestServer, testMasterKey } from '../support/server.ts'

describe('ntt-auth audit', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let server: TestServer
  let dataDir: string
  let one: Awaited<ReturnType<typeof registerSomebody>>
  const run = (...args: string[]) =>
    runCommand(command, args, {
      NTT_AUTH_DATABASE_URL: database.url,
      NTT_AUTH_DATA_DIR: dataDir,
      NTT_AUTH_MASTER_KEY: testMasterKey,
    })

  const refuses = (args: string[], sentence: RegExp) =>
    assert.rejects(run(...args), (error) => error instanceof UsageError && sentence.test(error.message))

  before(async () => {
    database = await freshDatabase('SQLite')
    dataDir = mkdtempSync(join(quickDirectory(), 'ntt-auth-audit-'))
    server = await startTestServer(database.url, { dataDir })
    one = await registerSomebody(server)
    await server.call('POST', '/v1/auth/login', { body: { email: one.email, password: goodPassword } })
    // An orderly stop signs what was written.
    await server.close()
  })
  after(async () => {
    await database.drop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('verifies a log that a server left behind, by the copy that it kept', async () => {
    const copy = checkpointFile(dataDir)
    assert.ok(existsSync(copy))
    assert.equal(statSync(copy).mode & 0o077, 0)
    const { code, stdout } = await run('verify', '--checkpoints', copy)
    assert.equal(code, 0)
    assert.match(stdout, /The last checkpoint is number 1 of .*; 0 lines are newer\.\nThe log is what was written\.\n$/)
    const json = JSON.parse((await run('verify', '--json')).stdout)
    assert.deepEqual([json.ok, json.findings, json.uncovered_lines], [true, [], 0])
  })

  it('searches by user, event and time, newest first', async () => {
    const lines = async (...args: string[]) =>
      (await run('search', '--json', ...args)).stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    const ofUser = await lines('--user', one.user.id)
    assert.deepEqual(
      ofUser.map(({ event }) => event),
      ['login', 'user_registered'],
    )
    assert.deepEqual([ofUser[1].ip, ofUser[1].personal.email, ofUser[1].erased], ['127.0.0.1', one.email, false])
    assert.deepEqual(
      (await lines('--event', 'login')).map(({ user_id }) => user_id),
      [one.user.id],
    )
    assert.equal((await lines('--actor', one.user.id, '--limit', '1')).length, 1)
    assert.deepEqual(await lines('--user', one.user.id, '--until', ofUser[1].at), [])
    assert.equal((await lines('--user', one.user.id, '--since', '1h')).length, 2)
    assert.deepEqual(await lines('--since', '2100-01-01'), [])
    assert.match((await run('search', '--event', 'login')).stdout, new RegExp(`login  by user ${one.user.id}`))
  })

  it('takes the address of a user for the user, and says so where nobody has it', async () => {
    const found = async (...args: string[]) => (await run(...args)).stdout
    for (const action of [['search'], ['export', '--to', '-']]) {
      const byId = await found(...action, '--user', one.user.id)
      assert.match(byId, /login/)
      assert.equal(await found(...action, '--user', ` ${one.email.toUpperCase()}`), byId)
      await assert.rejects(run(...action, '--user', 'nobody@example.com'), {
        code: 'not_found',
        message: /^No user has the address nobody@example\.com now\. .* give the id\.$/,
      })
    }
    await refuses(['search', '--user', 'ada'], /^--user ada is neither the id of a user nor an e-mail address\.$/)
  })

  it('exports what it takes to prove each line, oldest first, and overwrites nothing', async () => {
    const file = join(dataDir, 'export.ndjson')
    assert.equal((await run('export', '--to', file)).code, 0)
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(rows.length, JSON.parse((await run('verify', '--json')).stdout).lines)
    assert.deepEqual(
      rows.slice(-2).map(({ event }) => event),
      ['user_registered', 'login'],
    )
    for (const row of rows) assert.match(`${row.hash} ${row.prev_hash}`, /^[A-Za-z0-9_-]{43} [A-Za-z0-9_-]{43}$/)
    await refuses(['export', '--to', file], /exists already/)
    assert.equal((await run('export', '--to', '-')).stdout, readFileSync(file, 'utf8'))
  })

  it('refuses what it does not know in a sentence', async () => {
    const refused: [string[], RegExp][] = [
      [[], /Call it as "ntt-auth audit verify"/],
      [['verify', '--user', 'x'], /--user does not belong to "audit verify"/],
      [['search', '--event', 'log_in'], /There is no event "log_in"; there are: user_registered/],
      [['search', '--since', 'yesterday'], /--since yesterday is no time\. Use 2026-11-23/],
      [['search', '--limit', '0'], /--limit is a number from 1 to 10000/],
      [['export'], /Say where to/],
    ]
    for (const [args, sentence] of refused) await refuses(args, sentence)
    await refuses(['verify', '--checkpoints', join(dataDir, 'nowhere')], /There is no file .*nowhere/)
    const file = checkpointFile(dataDir)
    await refuses(['verify', '--checkpoints', dataDir], / is a directory\. Name a file that can be read\.$/)
    await refuses(['verify', '--checkpoints', join(file, 'x')], /Name (one|a file) that can be read\.$/)
    await refuses(['export', '--to', dataDir], / is a directory; name a file in it\.$/)
    await refuses(
      ['export', '--to', join(dataDir, 'nowhere', 'x')],
      /There is no directory for \S+nowhere\/x; make it first/,
    )
    await refuses(['export', '--to', join(file, 'x')], /There is no directory for/)
  })

  it('takes no file for a copy of the checkpoints in which there is none', async () => {
    const good = readFileSync(checkpointFile(dataDir), 'utf8')
    const strange: Record<string, string | Buffer> = {
      nothing: '',
      'a line feed': '\n',
      words: 'all is well',
      'many words': 'all\nis\nwell\n',
      'other objects': '{}\n{"number":1}\n',
      'another table': '{"event":"login"}\n',
      'one that was cut short': good.slice(0, 100),
      'one that was packed': gzipSync(good),
      'bytes without a line': Buffer.alloc(100_000, 0xff),
    }
    const file = join(dataDir, 'strange')
    for (const content of Object.values(strange)) {
      writeFileSync(file, content)
      for (const args of [
        ['--checkpoints', file],
        ['--checkpoints', checkpointFile(dataDir), '--checkpoints', file],
      ]) {
        await refuses(['verify', ...args], /^There is no checkpoint in \S+strange\. Name a copy of audit-checkpoints/)
      }
    }
    await refuses(['verify', '--checkpoints', '/dev/null'], /^\/dev\/null is no plain file\. Save the copy to a file/)
    // Among others it is a finding; only the beginning of one may be what a crash left.
    for (const [end, code] of [
      ['garbage', 6],
      ['{"event":"login"', 6],
      ['{"number":2,"at"', 0],
      ['{"num', 0],
    ] as const) {
      writeFileSync(file, good + end)
      const verdict = await run('verify', '--checkpoints', file)
      assert.equal(verdict.code, code, end)
      if (code === 6) assert.match(verdict.stdout, /UNREADABLE: Line 2 of \S+strange is no checkpoint\.\n/)
    }
  })

  it('exits with 6 and says what was done to which lines', async () => {
    const again = await startTestServer(database.url, { dataDir })
    await inAuditedTransaction(again.app, operatorAct, async (_tx, record) => record({ event: 'ends_reapplied' }))
    await again.app.database.db.updateTable('audit_lines').set({ reason: 'x' }).where('event', '=', 'login').execute()
    await again.close()
    const { code, stdout } = await run('verify')
    assert.equal(code, 6)
    assert.match(
      stdout,
      /EDITED: Line \d+ of writer \S+ was edited: it does not fit its own hash\.\nThe log is NOT what/,
    )
    assert.equal((await run('verify', '--json')).code, 6)
  })
})
