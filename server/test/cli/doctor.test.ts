import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { judgeForwarding } from '../../src/cli/doctor/forwarding.ts'
import { judgeKeys } from '../../src/cli/doctor/keys.ts'
import { judgeOpenFiles, judgeSpace } from '../../src/cli/doctor/machine.ts'
import { command as doctor, judgeClock } from '../../src/cli/doctor.ts'
import { command as healthcheck } from '../../src/cli/healthcheck.ts'
import { command as version } from '../../src/cli/version.ts'
import { judgeVariables } from '../../src/database/dialects/mysql.ts'
import { judgeSettings } from '../../src/database/dialects/postgres.ts'
import type { Finding } from '../../src/database/finding.ts'
import { createManagementServer } from '../../src/http/management.ts'
import { randomToken } from '../../src/random.ts'
import { eventually } from '../flows/flow-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { runCommand } from '../support/run-command.ts'
import { startTestServer, testMasterKey } from '../support/server.ts'

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-doctor-'))
after(() => rmSync(directory, { recursive: true, force: true }))

type Found = Finding & { about: string }
async function examine(env: Record<string, string>) {
  const { code, stdout } = await runCommand(doctor, ['--json'], env)
  const { verdict, findings } = JSON.parse(stdout) as { verdict: string; findings: Found[] }
  for (const { level, remedy } of findings) assert.equal(remedy !== undefined, level !== 'ok', 'a remedy for each')
  const says = (text: RegExp) => findings.find((each) => text.test(each.says))
  return { code, verdict, findings, says }
}

describe('ntt-auth doctor', () => {
  it('makes nothing where there is nothing yet', async () => {
    const dataDir = join(directory, 'new')
    const { code, says } = await examine({ NTT_AUTH_DATA_DIR: dataDir })
    assert.equal(code, 1)
    assert.equal(says(/There is no database at/)?.remedy, 'The first start makes it.')
    assert.equal(existsSync(dataDir), false)
  })

  it('reports every mistake of the configuration with its remedy', async () => {
    const { code, findings } = await examine({ NTT_AUTH_PORT: 'x', NTT_AUTH_BCRYPT_COST: '99' })
    assert.equal(code, 2)
    assert.deepEqual(
      findings.map(({ about, level }) => `${about} ${level}`),
      ['configuration problem', 'configuration problem'],
    )
  })

  it('says when the database does not answer', async () => {
    const url = 'postgres://nobody:secret-word@127.0.0.1:9/none'
    const { code, says, findings } = await examine({
      NTT_AUTH_DATABASE_URL: url,
      NTT_AUTH_MASTER_KEY: testMasterKey,
      NTT_AUTH_DATA_DIR: directory,
      NTT_AUTH_DATABASE_TIMEOUT: '500ms',
    })
    assert.equal(code, 2)
    assert.match(says(/does not answer/)!.remedy!, /NTT_AUTH_DATABASE_URL/)
    assert.equal(JSON.stringify(findings).includes('secret-word'), false)
  })

  it('minds a data directory or a master key that others may read', async () => {
    const dataDir = join(directory, 'open')
    mkdirSync(dataDir)
    chmodSync(dataDir, 0o755)
    const server = await startTestServer(`sqlite:${join(dataDir, 'ntt-auth.sqlite')}`)
    await server.close()
    writeFileSync(join(dataDir, 'master.key'), `${testMasterKey}\n`, { mode: 0o600 })
    const env = { NTT_AUTH_DATA_DIR: dataDir }
    assert.match((await examine(env)).says(/open to other users/)!.remedy!, /^Run: chmod 700/)
    chmodSync(join(dataDir, 'master.key'), 0o644)
    const open = await examine(env)
    assert.equal(open.code, 2)
    assert.match(open.says(/Others than its owner may use the file/)!.remedy!, /chmod 600/)
  })

  it('judges proxies, threads and the management listener', async () => {
    const { says } = await examine({
      NTT_AUTH_DATA_DIR: join(directory, 'new'),
      NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
      NTT_AUTH_MANAGEMENT_HOST: '0.0.0.0',
      NTT_AUTH_HASH_THREADS: '256',
    })
    assert.match(says(/no proxy is trusted/)!.remedy!, /NTT_AUTH_TRUSTED_PROXIES/)
    assert.ok(says(/256 threads hash passwords/))
    assert.ok(says(/management listener can be reached/))
    assert.ok(says(/development configuration/))
  })

  it('minds that everybody is trusted as a proxy', async () => {
    const { says } = await examine({
      NTT_AUTH_DATA_DIR: join(directory, 'new'),
      NTT_AUTH_TRUSTED_PROXIES: '0.0.0.0/0',
    })
    assert.ok(says(/believes everybody in 0\.0\.0\.0\/0/))
  })

  it('prints lines for people', async () => {
    const { stdout, code } = await runCommand(doctor, [], { NTT_AUTH_DATA_DIR: join(directory, 'new') })
    assert.equal(code, 1)
    assert.match(stdout, /^warning {2}database {7}There is no database at .*\n +→ The first start makes it\.$/m)
  })
})

onEachDatabase(
  (name, url) => {
    it('doctor finds nothing wrong with a database that a server uses, and a wrong master key', async () => {
      const dataDir = mkdtempSync(join(directory, 'data-'))
      const env = {
        NTT_AUTH_DATABASE_URL: url(),
        NTT_AUTH_DATA_DIR: dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
      }
      await assert.doesNotReject(async () => {
        if (name === 'SQLite') return
        const { code, says } = await examine(env)
        assert.equal(code, 2)
        assert.equal(says(/schema is behind/)?.remedy, 'Run: ntt-auth migrate up')
      })
      const server = await startTestServer(url())
      await server.close()
      const { findings, says } = await examine(env)
      assert.deepEqual(
        findings
          .filter(({ level, about }) => level === 'problem' || (level === 'warning' && about === 'keys'))
          // The databases that tests start need not outlive a power cut.
          .filter(({ says }) => !/not flushed to the disk/.test(says)),
        [],
      )
      assert.ok(says(/The schema is current/))
      assert.ok(says(new RegExp(`^${name} \\d+`)), JSON.stringify(findings))
      assert.ok(says(/signs for 0 days/))
      if (name !== 'SQLite') assert.equal(says(/clocks of the database/)?.level, 'ok')
      const wrong = await examine({ ...env, NTT_AUTH_MASTER_KEY: randomToken(32) })
      assert.equal(wrong.code, 2)
      assert.ok(wrong.says(/The master key does not open the signing key/))
      const both = await examine({ ...env, NTT_AUTH_MASTER_KEY: `${randomToken(32)},${testMasterKey}` })
      assert.equal(both.says(/older master key seals 2/)?.remedy, 'Run: ntt-auth keys reseal')
      assert.deepEqual(readdirSync(dataDir), [])
    })
  },
  { bare: true },
)

describe('what doctor thinks of', () => {
  const levels = (findings: Finding[]) => findings.map(({ level }) => level)

  it('MySQL and MariaDB', () => {
    const good = {
      version: '10.11.19-MariaDB-0+deb12u1',
      innodb_flush_log_at_trx_commit: '1',
      wait_timeout: '28800',
      max_allowed_packet: '16777216',
      max_connections: '151',
    }
    assert.deepEqual(levels(judgeVariables(good, 10)), ['ok'])
    assert.deepEqual(levels(judgeVariables({ ...good, version: '8.4.2' }, 10)), ['ok'])
    assert.deepEqual(levels(judgeVariables({ ...good, version: '8.0.36' }, 10)), ['problem'])
    assert.deepEqual(levels(judgeVariables({ ...good, version: '10.6.1-MariaDB' }, 10)), ['problem'])
    assert.deepEqual(levels(judgeVariables({ ...good, read_only: 'ON' }, 10)), ['ok', 'problem'])
    for (const bad of [
      { innodb_flush_log_at_trx_commit: '2' },
      { wait_timeout: '30' },
      { max_allowed_packet: '1024' },
      { max_connections: '20' },
      { sql_generate_invisible_primary_key: 'ON' },
      { wsrep_on: 'ON', wsrep_sync_wait: '0' },
    ]) {
      assert.deepEqual(levels(judgeVariables({ ...good, ...bad }, 10)), ['ok', 'warning'], JSON.stringify(bad))
    }
  })

  it('PostgreSQL', () => {
    const good = {
      server_version: '15.20',
      server_version_num: '150020',
      fsync: 'on',
      synchronous_commit: 'on',
      max_connections: '100',
      transaction_read_only: 'off',
    }
    assert.deepEqual(levels(judgeSettings(good, 10)), ['ok'])
    assert.deepEqual(levels(judgeSettings({ ...good, server_version_num: '140000' }, 10)), ['problem'])
    assert.deepEqual(levels(judgeSettings({ ...good, fsync: 'off' }, 10)), ['ok', 'problem'])
    assert.deepEqual(levels(judgeSettings({ ...good, transaction_read_only: 'on' }, 10)), ['ok', 'problem'])
    assert.deepEqual(levels(judgeSettings({ ...good, synchronous_commit: 'off' }, 10)), ['ok', 'warning'])
    assert.deepEqual(levels(judgeSettings(good, 50)), ['ok', 'warning'])
  })

  it('clocks, disks, limits and keys', () => {
    assert.deepEqual(levels([judgeClock(500), judgeClock(-3000), judgeClock(20_000)]), ['ok', 'warning', 'problem'])
    assert.deepEqual(
      [judgeForwarding(0, false), judgeForwarding(1, false), judgeForwarding(1, true)].map(({ level }) => level),
      ['ok', 'warning', 'warning'],
    )
    assert.deepEqual(levels([judgeSpace(5000), judgeSpace(500), judgeSpace(50)]), ['ok', 'warning', 'problem'])
    assert.deepEqual(levels([judgeOpenFiles(65_536), judgeOpenFiles(1024)]), ['ok', 'warning'])
    const day = 24 * 60 * 60 * 1000
    const wanted = { signingAlgorithm: 'ES256', keyRotationInterval: 90 * day }
    const row = (state: 'active' | 'next') =>
      ({ kid: state, algorithm: 'ES256', state, created_at: 0, activated_at: state === 'active' ? 0 : null }) as never
    assert.deepEqual(levels(judgeKeys([], 0, wanted, 0)), ['warning'])
    assert.deepEqual(levels(judgeKeys([row('active'), row('next')], 0, wanted, 80 * day)), ['ok'])
    assert.deepEqual(levels(judgeKeys([row('active'), row('next')], 0, wanted, 92 * day)), ['ok', 'warning'])
    assert.deepEqual(levels(judgeKeys([row('active')], 2, { ...wanted, signingAlgorithm: 'EdDSA' }, day)), [
      'ok',
      'warning',
      'warning',
      'warning',
    ])
  })
})

it('doctor asks a server that runs here whether somebody forwards to it whom it does not believe', async () => {
  const dataDir = mkdtempSync(join(directory, 'forwarding-'))
  const server = await startTestServer(`sqlite:${join(dataDir, 'ntt-auth.sqlite')}`)
  const management = createManagementServer(server.app).listen(0, '127.0.0.1')
  await once(management, 'listening')
  const { port } = management.address() as AddressInfo
  const env = { NTT_AUTH_DATA_DIR: dataDir, NTT_AUTH_MANAGEMENT_PORT: `${port}` }
  const judged = async (more = {}) => (await examine({ ...env, ...more })).says(/The server that runs here met/)
  /** On a busy machine it does not wait for as long as the server may need. */
  const answered = async (more = {}) => {
    let found: Awaited<ReturnType<typeof judged>>
    await eventually(async () => {
      found = await judged(more)
      return found !== undefined
    }, 60_000)
    return found!
  }
  try {
    assert.equal((await answered()).level, 'ok')
    await server.call('GET', '/health/live', { headers: { 'x-forwarded-for': '203.0.113.9' } })
    const found = await answered()
    assert.match(found.says, /met 1 requests with X-Forwarded-For .* all clients share one network/)
    assert.match(found.remedy!, /NTT_AUTH_TRUSTED_PROXIES/)
    assert.match((await answered({ NTT_AUTH_TRUSTED_PROXIES: '10.0.0.1' })).says, /a proxy is not named/)
  } finally {
    management.close()
    management.closeAllConnections()
    await server.close()
  }
  assert.equal(await judged(), undefined, 'nobody answers, so nothing is known')
})

describe('ntt-auth healthcheck', () => {
  it('says whether the server is ready, and why not', async () => {
    const dataDir = mkdtempSync(join(directory, 'health-'))
    const server = await startTestServer(`sqlite:${join(dataDir, 'ntt-auth.sqlite')}`)
    const management = createManagementServer(server.app).listen(0, '127.0.0.1')
    await once(management, 'listening')
    const { port } = management.address() as AddressInfo
    const check = (...args: string[]) => runCommand(healthcheck, ['--management-port', `${port}`, ...args])
    try {
      assert.deepEqual(await check(), { code: 0, stdout: 'ready\n', stderr: '' })
      assert.equal(JSON.parse((await check('--json', '--management-host', '0.0.0.0')).stdout).status, 'ready')
      server.app.readiness.drain()
      assert.deepEqual(await check(), { code: 1, stdout: 'not ready: The server is stopping.\n', stderr: '' })
    } finally {
      management.close()
      management.closeAllConnections()
      await server.close()
    }
    // The connection that this process kept is broken before the port is asked again.
    await eventually(async () => !(await check()).stdout.includes('UND_ERR_SOCKET'))
    const { code, stdout } = await check()
    assert.equal(code, 1)
    assert.match(stdout, /^silent: nothing answers at http:\/\/127\.0\.0\.1:\d+\/health\/ready \(ECONNREFUSED\)/)
  })
})

it('version tells the schema it goes with', async () => {
  const { stdout } = await runCommand(version, ['--json'])
  const { schema, node } = JSON.parse(stdout)
  assert.deepEqual([node, schema.number >= 3, typeof schema.name], [process.versions.node, true, 'string'])
})
