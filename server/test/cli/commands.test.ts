import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commands } from '../../src/cli/commands.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { settingFlags } from '../../src/cli/load-config.ts'
import { asBuilt } from '../support/as-built.ts'

/** What holds for every command, whoever wrote it. */

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-commands-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const entry = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const reference = readFileSync(new URL('../../../docs/reference/command-line.md', import.meta.url), 'utf8')
const run = (...args: string[]) =>
  spawnSync(process.execPath, [entry, ...args], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...asBuilt, PATH: process.env.PATH, NTT_AUTH_DATA_DIR: directory },
  })

/** Those that print no results. */
const withoutResults = new Set(['serve', 'help'])

for (const [name, load] of Object.entries(commands)) {
  describe(`ntt-auth ${name}`, async () => {
    const { command } = await load()

    it('explains itself, with examples of its own', () => {
      const { status, stdout, stderr } = run(name, '--help')
      assert.deepEqual([status, stderr], [0, ''])
      assert.equal(stdout, `${command.help}\n`)
      const examples = command.help.split('Examples:\n')[1]
      assert.ok(examples, 'has examples')
      const lines = examples.split('\n').filter((line) => line.trim() !== '')
      assert.ok(lines.length >= 1)
      for (const line of lines) assert.match(line, new RegExp(`ntt-auth ${name}\\b|^ {4}`))
    })

    it('is named in the reference, and says in one line what it is for', () => {
      assert.ok(reference.includes(`## ntt-auth ${name}\n`))
      assert.match(command.summary, /^[a-z][^\n]{5,90}[^.\n]$/)
    })

    it('explains every option of its own', () => {
      for (const option of Object.keys(command.options)) {
        if (Object.hasOwn(settingFlags, option)) continue
        assert.ok(command.help.includes(`--${option}`), `--${option}`)
      }
    })

    it('gives results as JSON too', { skip: withoutResults.has(name) && 'it has no results' }, () => {
      assert.equal(command.options.json?.type, 'boolean')
    })

    it('refuses an option that it does not know, in one line', () => {
      const { status, stdout, stderr } = run(name, '--frobnicate')
      assert.deepEqual([status, stdout], [exitCodes.usage, ''])
      assert.match(stderr, /^"[a-z-]+" has no option --frobnicate\. .*\n$/)
    })
  })
}

it('says that it makes a database where there is none: the directory may be the wrong one', () => {
  const elsewhere = join(directory, 'elsewhere')
  const list = () => run('users', 'list', '--data-dir', elsewhere)
  const first = list()
  assert.deepEqual([first.status, first.stdout], [0, ''])
  assert.match(first.stderr, /^There is no database \S+elsewhere\S+ yet: an empty one is made\. --data-dir DIR names/)
  assert.equal(list().stderr, '')
})

it('every exit code is documented', () => {
  for (const code of Object.values(exitCodes)) assert.match(reference, new RegExp(`^\\| ${code} \\|`, 'm'))
})
