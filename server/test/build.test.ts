import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { eventually } from './flows/flow-server.ts'
import { onEachDatabase } from './support/databases.ts'
import { freePort } from './support/free-port.ts'
import { testMasterKey } from './support/server.ts'
import { startSmtpSink } from './support/smtp-sink.ts'
import { startCollector } from './tracing/collector.ts'

const root = join(import.meta.dirname, '../..')

describe('the command, built', () => {
  const copy = mkdtempSync(join(tmpdir(), 'ntt-auth-build-'))
  const server = join(copy, 'server')
  const run = async (...args: string[]) => {
    const { NODE_V8_COVERAGE: _, ...env } = process.env
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: server, env })
    return stdout
  }
  const version = () => run('bin/ntt-auth.js', 'version')
  const source = join(server, 'src/cli/version.ts')
  /** As a package brings it: without the sources. */
  const elsewhere = join(copy, 'installed')

  before(async () => {
    mkdirSync(server)
    for (const part of ['bin', 'src', 'data', 'scripts', 'package.json']) {
      cpSync(join(root, 'server', part), join(server, part), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    await run('scripts/build.ts')
    for (const part of ['bin', 'dist', 'data', 'package.json']) {
      cpSync(join(server, part), join(elsewhere, part), { recursive: true })
    }
  })
  after(() => rmSync(copy, { recursive: true, force: true }))

  it('runs', async () => assert.match(await version(), /^ntt-auth \d+\.\d+\.\d+ /))

  it('needs no sources', async () => {
    assert.match(await run(join(elsewhere, 'bin/ntt-auth.js'), 'config', 'check', '--data-dir', copy), /./)
  })

  it('brings the licence of every package that it contains', () => {
    const licences = readFileSync(join(server, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
    const { dependencies } = JSON.parse(readFileSync(join(server, 'package.json'), 'utf8'))
    const outside = ['better-sqlite3', 'bcrypt', '@node-rs/argon2', 'mysql2', 'pg']
    const code = globSync('*.js', { cwd: join(server, 'dist') }).map((file) =>
      readFileSync(join(server, 'dist', file), 'utf8'),
    )
    for (const name of Object.keys(dependencies)) {
      if (outside.includes(name)) assert.ok(!licences.includes(`${name} `), name)
      else assert.match(licences, new RegExp(`^${name} \\d.*\\n\\n[^]{200,}`, 'm'), name)
    }
    assert.ok(code.some((text) => text.includes('Kysely')))
  })

  onEachDatabase((name, url) => {
    for (const scheme of ['bcrypt', 'argon2id']) {
      it(`serves with Redis, mail, traces and ${scheme}, each of whose libraries it loads late`, async () => {
        const [sink, collector] = [await startSmtpSink({ open: true }), await startCollector()]
        const managementPort = await freePort()
        const env = {
          PATH: process.env.PATH ?? '',
          NTT_AUTH_PORT: '0',
          NTT_AUTH_MANAGEMENT_PORT: String(managementPort),
          NTT_AUTH_DATA_DIR: join(copy, `data-${name}-${scheme}`),
          NTT_AUTH_DATABASE_URL: url(),
          NTT_AUTH_AUTO_MIGRATE: 'on',
          NTT_AUTH_MASTER_KEY: testMasterKey,
          // Nobody listens there: the server must serve all the same.
          NTT_AUTH_REDIS_URL: 'redis://127.0.0.1:9',
          NTT_AUTH_SMTP_URL: `smtp://127.0.0.1:${sink.port}?tls=off`,
          NTT_AUTH_MAIL_FROM: 'auth@example.com',
          NTT_AUTH_PASSWORD_HASH: scheme,
          NTT_AUTH_BCRYPT_COST: '10',
          NTT_AUTH_TRACING: 'on',
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
          OTEL_BSP_SCHEDULE_DELAY: '50',
        }
        const child = spawn(process.execPath, [join(elsewhere, 'bin/ntt-auth.js'), 'serve'], { env })
        try {
          const serving = await addressOf(child)
          const registered = await fetch(`${serving}/v1/auth/register`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ email: `${scheme}@example.com`, password: 'a password of the tests' }),
          })
          assert.equal(registered.status, 201, await registered.text())
          assert.match(await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text(), /^ntt_auth_/m)
          await eventually(() => sink.received.length > 0 && collector.spans().length > 0)
        } finally {
          const gone = child.exitCode === null ? once(child, 'exit') : null
          child.kill('SIGTERM')
          await gone
          await sink.close()
          collector.close()
        }
      })
    }
  })

  it('gives way to a source that was edited after it was built', async () => {
    const text = readFileSync(source, 'utf8')
    writeFileSync(source, text.replaceAll('`ntt-auth $', '`edited $'))
    assert.match(await version(), /^edited /)
    writeFileSync(source, text)
  })
})

async function addressOf(child: ChildProcess): Promise<string> {
  let said = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (piece) => (said += piece))
  await eventually(() => /First admin/.test(said) || child.exitCode !== null, 40_000)
  return /listens on (http:\S+)/.exec(said)?.[1] ?? assert.fail(said)
}
