import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { command as configCommand } from '../../src/cli/config.ts'
import { command as doctor } from '../../src/cli/doctor.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { openDatabase } from '../../src/database/connect.ts'
import { reachDatabase } from '../../src/database/reach.ts'
import { eventually } from '../flows/flow-server.ts'
import { databases } from '../support/databases.ts'
import { makeAuthority } from '../support/localhost-certificate.ts'
import { skipRedis, startRedis } from '../support/redis.ts'
import { runCommand } from '../support/run-command.ts'
import { startTestServer, testMasterKey } from '../support/server.ts'
import { startMariaDb, startPostgres } from '../support/start-databases.ts'

const entry = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const password = 'a-word-nobody-prints'
const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-tls-'))
after(() => rmSync(dataDir, { recursive: true, force: true }))

const [ours, theirs] = [makeAuthority('ours'), makeAuthority('theirs')]
const [rightName, wrongName] = [ours.issue('localhost'), ours.issue('db.example.test')]
const base = { NTT_AUTH_DATA_DIR: dataDir, NTT_AUTH_MASTER_KEY: testMasterKey }

type Found = { about: string; level: string; says: string; remedy?: string }
async function examine(about: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await runCommand(doctor, ['--json'], { ...base, ...env })
  return said(stdout, about)
}
function said(stdout: string, about: string): string {
  assert.ok(!stdout.includes(password), 'no secret')
  const [first] = (JSON.parse(stdout).findings as Found[]).filter((each) => each.about === about)
  return `${first!.level}: ${first!.says} → ${first!.remedy ?? ''}`
}
/** As its own process, since the variable is read when one starts. */
async function examineApart(about: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [entry, 'doctor', '--json'], { env: { PATH: '', ...base, ...env } })
  return said(await text(child.stdout), about)
}

const servers = [
  {
    name: 'MariaDB' as const,
    start: startMariaDb,
    scheme: 'mariadb',
    cipher: sql<{ cipher: string }>`select variable_value as cipher from information_schema.session_status
      where variable_name = 'Ssl_cipher'`,
  },
  {
    name: 'PostgreSQL' as const,
    start: startPostgres,
    scheme: 'postgres',
    cipher: sql<{ cipher: string }>`select cipher from pg_stat_ssl where pid = pg_backend_pid()`,
  },
]

for (const { name, start, scheme, cipher } of servers) {
  const { available, why } = databases.find((each) => each.name === name)!
  describe(`${name} with a certificate of one's own authority`, { skip: available ? false : why }, () => {
    const stops: (() => Promise<void>)[] = []
    let [good, misnamed] = ['', '']
    before(async () => {
      for (const certificate of [rightName, wrongName]) {
        const server = (await start(certificate))!
        stops.push(server.stop)
        const { username, port, pathname } = new URL(server.url)
        const url = `${scheme}://${username}:${scheme === 'postgres' ? password : ''}@localhost:${port}${pathname}`
        if (certificate === rightName) good = url
        else misnamed = url
      }
    })
    after(() => Promise.all(stops.map((stop) => stop())))

    const reach = async (url: string) => {
      const database = await openDatabase({ url, poolSize: 1, timeout: 20_000 })
      try {
        await reachDatabase(database, url)
        return (await cipher.execute(database.db)).rows[0]!.cipher
      } catch (error) {
        assert.ok(!(error as Error).message.includes(password), 'no secret')
        return (error as Error).message
      } finally {
        await database.close()
      }
    }

    it('is spoken to in secret by whoever trusts that authority', async () => {
      assert.match(await reach(`${good}?tls=verify&ca=${ours.own.certFile}`), /^[A-Z0-9_-]{10,}$/)
      assert.match(await reach(`${good}?tls=require`), /^[A-Z0-9_-]{10,}$/, 'who only encrypts asks for no name')
      assert.ok(!(await reach(good)), 'otherwise in the clear, so that the above tells something')
    })

    it('is refused where another authority is trusted, or only those of the runtime', async () => {
      for (const ca of [`&ca=${theirs.own.certFile}`, '']) {
        const url = `${good}?tls=verify${ca}`
        assert.match(
          await reach(url),
          /^The database at \S+ cannot be trusted: .*certificate.*\. No authority .* by "ca=FILE" in NTT_AUTH_DATABASE_URL\.$/,
        )
        assert.match(
          await examine('database', { NTT_AUTH_DATABASE_URL: url }),
          /^problem: .* → No authority .* by "ca=FILE"/,
        )
      }
    })

    it('is refused where its certificate is for another name', async () => {
      const url = `${misnamed}?tls=verify&ca=${ours.own.certFile}`
      assert.match(
        await reach(url),
        /cannot be trusted: .*db\.example\.test.*\. Its certificate is for another name: use one in NTT_AUTH_DATABASE_URL/,
      )
      assert.match(
        await examine('database', { NTT_AUTH_DATABASE_URL: url }),
        /^problem: .* → Its certificate is for another/,
      )
      assert.match(await reach(`${misnamed}?tls=require`), /^[A-Z0-9_-]{10,}$/)
    })

    it('is trusted by NODE_EXTRA_CA_CERTS as well', async () => {
      const env = { NTT_AUTH_DATABASE_URL: `${good}?tls=verify` }
      assert.match(await examineApart('database', { ...env, NODE_EXTRA_CA_CERTS: ours.own.certFile }), /^ok: /)
      assert.match(
        await examineApart('database', { ...env, NODE_EXTRA_CA_CERTS: theirs.own.certFile }),
        /^problem: .*certificate/,
      )
    })
  })
}

describe("Redis with a certificate of one's own authority", { skip: skipRedis }, () => {
  let [good, misnamed] = ['', '']
  const stops: (() => Promise<void>)[] = []
  before(async () => {
    const [one, other] = [await startRedis(password, rightName), await startRedis(password, wrongName)]
    stops.push(one.stop, other.stop)
    good = one.url
    misnamed = other.url
  })
  after(() => Promise.all(stops.map((stop) => stop())))

  it('counts for a server that trusts that authority', async () => {
    const node = await startTestServer('sqlite::memory:', {
      settings: { RATE_LIMITS: 'on', REDIS_URL: `${good}?ca=${ours.own.certFile}` },
    })
    await eventually(async () => node.app.throttle.redis?.isUp() === true)
    await node.close()
    assert.match(
      await examine('redis', { NTT_AUTH_REDIS_URL: `${good}?ca=${ours.own.certFile}` }),
      /^ok: Redis at localhost/,
    )
  })

  it('is refused otherwise, by authority and by name, and the log says which setting to mend', async () => {
    const cases: [string, RegExp][] = [
      [`${good}?ca=${theirs.own.certFile}`, /No authority .* by "ca=FILE" in NTT_AUTH_REDIS_URL/],
      [good, /No authority .* by "ca=FILE" in NTT_AUTH_REDIS_URL/],
      [`${misnamed}?ca=${ours.own.certFile}`, /Its certificate is for another name: use one in NTT_AUTH_REDIS_URL/],
      [`${good.replace('localhost', '127.0.0.1')}?ca=${ours.own.certFile}`, /for another name.*NTT_AUTH_REDIS_URL/],
    ]
    for (const [url, words] of cases) {
      assert.match(await examine('redis', { NTT_AUTH_REDIS_URL: url }), /^warning: Redis cannot be used, .* → /)
      assert.match(await examine('redis', { NTT_AUTH_REDIS_URL: url }), words)
      const node = await startTestServer('sqlite::memory:', { settings: { RATE_LIMITS: 'on', REDIS_URL: url } })
      await eventually(async () => node.log.some(({ msg }) => words.test(String(msg))))
      assert.equal(node.app.throttle.redis!.isUp(), false)
      await node.close()
      assert.ok(!JSON.stringify(node.log).includes(password), 'no secret')
    }
  })

  it('is trusted by NODE_EXTRA_CA_CERTS as well', async () => {
    const env = { NTT_AUTH_REDIS_URL: good, NODE_EXTRA_CA_CERTS: ours.own.certFile }
    assert.match(await examineApart('redis', env), /^ok: /)
  })
})

it('a file of certificates that is missing, or holds none, is told for every address at once', async () => {
  const [missing, empty] = [join(dataDir, 'missing.pem'), join(dataDir, 'empty.pem')]
  writeFileSync(empty, 'no certificate')
  const env = {
    ...base,
    NTT_AUTH_DATABASE_URL: `postgres://u:${password}@localhost:9/d?tls=verify&ca=${missing}`,
    NTT_AUTH_REDIS_URL: `rediss://:${password}@localhost:9?ca=${empty}`,
    NTT_AUTH_SMTP_URL: `smtp://u:${password}@localhost:9?ca=${missing}`,
  }
  await assert.rejects(runCommand(configCommand, ['check'], env), (error: ConfigError) => {
    assert.deepEqual(error.problems.map(({ name }) => name).sort(), [
      'NTT_AUTH_DATABASE_URL',
      'NTT_AUTH_REDIS_URL',
      'NTT_AUTH_SMTP_URL',
    ])
    assert.match(error.message, /missing\.pem: the file does not exist/)
    assert.match(error.message, /empty\.pem: the file holds no certificate/)
    return error instanceof ConfigError && !error.message.includes(password)
  })
  const { stdout } = await runCommand(doctor, ['--json'], env)
  assert.match(said(stdout, 'certificates'), /^problem: NTT_AUTH_\w+: Its certificates in .* → Name a PEM file/)
  await assert.rejects(
    openDatabase({ url: env.NTT_AUTH_DATABASE_URL }),
    /missing\.pem, named by "ca" in NTT_AUTH_DATABASE_URL/,
  )
})
