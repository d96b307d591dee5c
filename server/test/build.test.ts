import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

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

  before(async () => {
    mkdirSync(server)
    for (const part of ['bin', 'src', 'data', 'scripts', 'package.json']) {
      cpSync(join(root, 'server', part), join(server, part), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    await run('scripts/build.ts')
  })
  after(() => rmSync(copy, { recursive: true, force: true }))

  it('runs', async () => assert.match(await version(), /^ntt-auth \d+\.\d+\.\d+ /))

  it('needs no sources', async () => {
    const elsewhere = join(copy, 'installed')
    for (const part of ['bin', 'dist', 'data', 'package.json']) {
      cpSync(join(server, part), join(elsewhere, part), { recursive: true })
    }
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

  it('gives way to a source that was edited after it was built', async () => {
    const text = readFileSync(source, 'utf8')
    writeFileSync(source, text.replaceAll('`ntt-auth $', '`edited $'))
    assert.match(await version(), /^edited /)
    writeFileSync(source, text)
  })
})
