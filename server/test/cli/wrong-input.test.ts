import assert from 'node:assert/strict'
import { type StdioOptions, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { forTerminal } from '../../src/cli/terminal-text.ts'
import { openDatabase } from '../../src/database/connect.ts'
import { serviceScopes } from '../../src/domain/services/service.ts'
import { runCommandLine } from '../../src/main.ts'
import { asBuilt } from '../support/as-built.ts'

/** What people do wrong at the command line: each gets a sentence and the right exit code, and nothing happens. */

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-wrong-'))
const at = (name: string) => join(directory, name)
// Words of a command line may be paths.
process.chdir(directory)
const entry = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'
const key = () => randomBytes(32).toString('base64url')

type Env = Record<string, string>

async function run(args: readonly string[], env: Env = {}): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const code = await runCommandLine([...args], {
    env: { NTT_AUTH_DATA_DIR: at('data'), ...env },
    stdin: Readable.from([]) as unknown as NodeJS.ReadStream,
    print: (line) => (out += `${line}\n`),
    tell: (line) => (err += `${line}\n`),
  })
  return { code, out, err }
}

const { usage, config, notFound, failed, pending, newer } = exitCodes

/** As one key in 64 is called. */
const hyphenated = `-${'w'.repeat(42)}`

const wrongWords: [args: string[], code: number, sentence: RegExp][] = [
  [['frobnicate'], usage, /There is no command "frobnicate"/],
  [['--json', 'users'], usage, /The command comes first/],
  [['help', 'nothing'], usage, /There is no command "nothing"/],
  [['version', 'x'], usage, /"version" takes no argument "x"/],
  [['doctor', 'x'], usage, /"doctor" takes no argument "x"/],
  [['healthcheck', 'x'], usage, /"healthcheck" takes no argument "x"/],
  [['serve', 'x'], usage, /"serve" takes no argument "x"/],
  [['users'], usage, /Call it as "ntt-auth users list\|show/],
  [['users', 'explode'], usage, /Call it as "ntt-auth users list\|show/],
  [['users', 'show'], usage, /Say whom, by id or address: "ntt-auth users show ID_OR_ADDRESS"/],
  [['users', 'show', 'a', 'b'], usage, /Say whom/],
  [['users', 'list', '--sort'], usage, /--sort <value>' argument missing\. See "ntt-auth users --help"/],
  [['users', 'list', '--sort', 'foo'], usage, /^--sort: Send one of "created_at", "-created_at", "email"\.\n$/],
  [['users', 'list', '--status', 'x'], usage, /^--status: Send one of "active", "pending", "disabled"\.\n$/],
  [['users', 'list', '--limit', '0'], usage, /^--limit: .*1 to 200/],
  [['users', 'list', '--limit', 'ten'], usage, /^--limit: .*1 to 200/],
  [['users', 'list', '--cursor', 'zzz'], usage, /^--cursor: Send "next_cursor" of the page before/],
  [['users', 'list', '--created-after', 'monday'], usage, /^--created-after: .*/],
  [['users', 'list', '--email', 'x'], usage, /--email belongs to "users create"/],
  [['users', 'list', '--json', '--sort', 'foo'], usage, /^--sort: Send one of/],
  [['users', 'create'], usage, /Say for whom/],
  [['users', 'create', '--email', 'nope', '--link'], usage, /^--email: .*use name@example\.com/],
  [['users', 'create', '--email', 'a@example.com', '--locale', '!', '--link'], usage, /^--locale: Send a language tag/],
  [['users', 'create', '--email', 'a@example.com', '--roles', 'A B', '--link'], usage, /^--roles: /],
  [['users', 'create', '--email', 'a@example.com'], usage, /no terminal to ask for the password/],
  [['users', 'show', 'nobody@example.com'], notFound, /There is no user nobody@example\.com/],
  [['users', 'show', anId, '--json'], notFound, /There is no user 01934d2e/],
  [['users', 'disable', anId], notFound, /There is no user/],
  [['users', 'enable', 'nonsense'], notFound, /There is no user nonsense/],
  [['users', 'logout', anId], notFound, /There is no user/],
  [['users', 'import'], usage, /Say from where: "ntt-auth users import FILE"/],
  [['users', 'import', 'none.csv'], usage, /There is no file none\.csv/],
  [['users', 'import', 'dir', '--format', 'csv'], usage, /dir is a directory/],
  [['users', 'import', 'garbage'], usage, /--format ndjson, or --format csv/],
  [['users', 'import', 'garbage', '--format', 'xml'], usage, /--format is ndjson or csv/],
  [
    ['users', 'import', 'garbage', '--format', 'csv'],
    usage,
    /has a column "garbage" that is not known\. There are: id/,
  ],
  [
    ['users', 'import', 'garbage', '--format', 'csv', '--on-conflict', 'update'],
    usage,
    /--on-conflict is skip or fail/,
  ],
  [
    ['users', 'import', 'garbage', '--format', 'csv', '--report', 'none/r'],
    usage,
    /report cannot be written to none\/r/,
  ],
  [['users', 'import', 'garbage', '--format', 'csv', '--report', 'dir'], usage, /report cannot be written to dir/],
  [['users', 'import', 'garbage', '--to', 'x'], usage, /--to belongs to "users export"/],
  [
    ['users', 'import', 'garbage', '--format', 'csv', '--report', './garbage'],
    usage,
    /which is what is imported; name another/,
  ],
  [['users', 'import', 'garbage', '--report'], usage, /--report <value>' argument missing/],
  [['users', 'export'], usage, /Say where to: ntt-auth users export --to FILE/],
  [['users', 'export', 'file.csv'], usage, /"users export" takes options only/],
  [['users', 'export', '--to', 'file.txt'], usage, /--format ndjson, or --format csv/],
  [['users', 'export', '--to', 'garbage', '--format', 'csv'], usage, /garbage exists already; name another file/],
  [['users', 'export', '--to', 'dir', '--format', 'csv'], usage, /dir is a directory; name a file in it/],
  [['users', 'export', '--to', 'none/file.csv'], usage, /There is no directory for none\/file\.csv/],
  [['users', 'export', '--to', '-', '--json'], usage, /"users export" has --format ndjson/],
  [['users', 'export', '--to', 'x.csv', '--dry-run'], usage, /--dry-run belongs to "users import"/],
  [['users', 'list', '--format', 'csv'], usage, /--format belongs to "users import" and "users export"/],
  [['sessions'], usage, /Call it as "ntt-auth sessions list USER"/],
  [['sessions', 'list', 'nobody@example.com'], notFound, /There is no user/],
  [['sessions', 'end', 'x'], notFound, /There is no session x/],
  [['sessions', 'end', anId], notFound, /There is no session/],
  [['create-admin'], usage, /Say for whom/],
  [['create-admin', '--email', 'nope'], usage, /^--email: .*use name@example\.com/],
  [['create-admin', '--email', 'nope', '--password-stdin'], usage, /^--email: .*use name@example\.com/],
  [
    ['create-admin', '--email', 'a@example.com', '--name', 'a\u0001', '--link'],
    usage,
    /^--name: Send a name of 1 to 200/,
  ],
  [['create-admin', '--email', 'a@example.com', '--promote'], notFound, /There is no user a@example\.com/],
  [
    ['create-admin', '--email', 'a@example.com', '--password', 'x'],
    usage,
    /has no option --password\. See "ntt-auth create-admin --help"/,
  ],
  [['services'], usage, /Call it as "ntt-auth services list"/],
  [['services', 'create', '--name', 'x'], usage, /Say what it may do: --scopes LIST/],
  [['services', 'create', '--name', 'x', '--scopes', ''], usage, /There is no scope ""/],
  [['services', 'create', '--name', ' ', '--scopes', 'revoke'], usage, /Give the service a name/],
  [['services', 'create', '--name', 'x'.repeat(201), '--scopes', 'revoke'], usage, /^--name: .*1 to 200/],
  [['services', 'rotate', '--client-id', 'svc_x'], notFound, /There is no such service/],
  [
    ['services', 'rotate', '--client-id', 'svc_x', '--overlap', '-5s'],
    usage,
    /^--overlap needs a value, and "-5s" looks like an option\. If it is the value: --overlap=-5s\. See /,
  ],
  [['services', 'delete', '--client-id', 'svc_x', '--yes', '--json'], notFound, /There is no such service/],
  [['cleanup'], usage, /Call it as "ntt-auth cleanup status"/],
  [['cleanup', 'everything'], usage, /Call it as "ntt-auth cleanup status"/],
  [['keys'], usage, /Call it as "ntt-auth keys list"/],
  [['keys', 'revoke', 'nokey'], notFound, /There is no signing key nokey/],
  [['keys', 'revoke', hyphenated], notFound, /There is no signing key -w{42}\./],
  [['keys', 'revoke', '--json', hyphenated], notFound, /There is no signing key -w{42}\./],
  [['keys', 'rotate', `--compromised=${hyphenated}`], notFound, /There is no signing key -w{42}\./],
  [['keys', 'rotate', '--compromised', hyphenated], usage, /If it is the value: --compromised=-w{42}\./],
  [['keys', 'rotate', '--compromised', 'nokey'], notFound, /There is no signing key nokey/],
  [['keys', 'import', 'dir'], usage, /^dir is a directory\. Name a file/],
  [['keys', 'import', 'none'], usage, /^none does not exist\. Name a file/],
  [['keys', 'import', 'garbage'], failed, /^This is neither a PEM file nor a JWK/],
  [['keys', 'import', 'half'], failed, /^The JWK is not whole: a key of this kind has "crv", "x" and "y"\.\n$/],
  [['audit'], usage, /Call it as "ntt-auth audit verify"/],
  [['audit', 'verify', '--checkpoints', 'dir'], usage, /^dir is a directory\. Name a file that can be read\./],
  [['audit', 'verify', '--checkpoints', 'none'], usage, /^There is no file none\. Name one that can be read/],
  [['audit', 'search', '--event', 'nope'], usage, /There is no event "nope"; there are: /],
  [['audit', 'search', '--since', '2026-02-30'], usage, /--since 2026-02-30 is no time\. Use 2026-11-23/],
  [['audit', 'search', '--since', 'monday'], usage, /--since monday is no time\. Use 2026-11-23/],
  [
    ['audit', 'search', '--since', '2030-01-01', '--until', '2020-01-01'],
    usage,
    /^--until 2020-01-01 is not after --since 2030-01-01: no line can lie between\.\n$/,
  ],
  [['audit', 'search', '--limit', '0'], usage, /--limit is a number from 1 to 10000/],
  [['audit', 'export'], usage, /Say where to/],
  [['audit', 'export', '--to', 'garbage'], usage, /garbage exists already; name another file/],
  [['audit', 'export', '--to', 'none/file'], usage, /There is no directory for none\/file/],
  [['migrate'], usage, /Call it as "ntt-auth migrate up"/],
  [['migrate', 'up', '--to', 'nothing'], usage, /There is no migration "nothing"; there are: 0001-/],
  [['migrate', 'down', '--to', 'x', '--yes'], usage, /There is no migration "x"; there are: 0001-/],
  [['migrate', 'down', '--to', 'nothing'], usage, /Add --yes/],
  [['config'], usage, /Call it as "ntt-auth config check"/],
  [['config', 'check', '--config', 'none'], config, /The configuration file does not exist/],
  [['users', 'list', '--config', 'dir'], config, /The configuration file is a directory/],
  [['keys', 'list', '--config', 'garbage'], config, /It is not JSON/],
  [['serve', '--port', '99999'], config, /NTT_AUTH_PORT \(flag\)\n.*out of range\.\n.*0 to 65535/],
  [['config', 'print', '--json', '--port', 'x'], config, /"x" is not a whole number/],
]

/** Every command that works on the database. */
const onDatabase: string[][] = [
  ['users', 'list'],
  ['users', 'disable', anId, '--json'],
  ['users', 'import', at('people.ndjson')],
  ['users', 'export', '--to', at('never.ndjson')],
  ['sessions', 'list', anId],
  ['create-admin', '--email', 'a@example.com', '--link'],
  ['services', 'create', '--name', 'x', '--scopes', 'introspect', '--json'],
  ['keys', 'rotate', '--now'],
  ['audit', 'verify'],
  ['serve', '--port', '0', '--management-port', '0'],
]

function assertSentence({ out, err }: { out: string; err: string }, what: string): void {
  assert.equal(out, '', `results of ${what}`)
  assert.doesNotMatch(err, /^\s+at |node:internal|file:\/\/|undefined|\[object|illegal operation/m, what)
  assert.match(err, /[.)"”]\n$/, `a sentence of ${what}`)
  assert.ok(err.split('\n').length < 14, `${what} says too much`)
}

describe('what is called wrongly', () => {
  let rowsBefore: string
  before(async () => {
    mkdirSync(at('dir'))
    writeFileSync(at('people.ndjson'), '{"email":"a@example.com"}\n')
    writeFileSync(at('garbage'), 'garbage', { mode: 0o600 })
    writeFileSync(at('half'), '{"kty":"EC"}', { mode: 0o600 })
    assert.equal((await run(['keys', 'rotate', '--now'])).code, 0)
    rowsBefore = await everything(`sqlite:${at('data/ntt-auth.sqlite')}`)
  })
  after(async () => {
    // Nothing was made, and nothing half.
    const rowsAfter = await everything(`sqlite:${at('data/ntt-auth.sqlite')}`)
    rmSync(directory, { recursive: true, force: true })
    assert.equal(rowsAfter, rowsBefore)
  })

  for (const [args, code, sentence] of wrongWords) {
    it(`ntt-auth ${args.join(' ').slice(0, 80)}: exit ${code} and a sentence`, async () => {
      const answer = await run(args)
      assert.equal(answer.code, code, answer.err)
      assert.match(answer.err, sentence)
      assertSentence(answer, args.join(' '))
    })
  }

  describe('on a database that is no good', () => {
    const states: Record<string, { env: Env; code: number; sentence: RegExp }> = {
      'that is a directory': {
        env: { NTT_AUTH_DATABASE_URL: `sqlite:${at('dir')}` },
        code: config,
        sentence: /NTT_AUTH_DATABASE_URL[\s\S]*is a directory\.\n.*Name another file/,
      },
      'that is no database': {
        env: { NTT_AUTH_DATABASE_URL: `sqlite:${at('no.sqlite')}` },
        code: config,
        sentence: /The file is no database, or it is damaged\.\n.*restore this one/,
      },
      'that nobody answers for': {
        env: { NTT_AUTH_DATABASE_URL: 'postgres://auth:hidden-word@127.0.0.1:1/auth', NTT_AUTH_MASTER_KEY: key() },
        code: failed,
        sentence:
          /The database at postgres:\/\/auth:\*\*\*@127\.0\.0\.1:1\/auth does not let us in: .*ECONNREFUSED.*Check/,
      },
      'that MariaDB does not answer for': {
        env: { NTT_AUTH_DATABASE_URL: 'mariadb://auth:hidden-word@127.0.0.1:1/auth', NTT_AUTH_MASTER_KEY: key() },
        code: failed,
        sentence: /does not let us in: .*ECONNREFUSED.*Check NTT_AUTH_DATABASE_URL/,
      },
      'that has no schema yet': {
        env: { NTT_AUTH_DATABASE_URL: `sqlite:${at('empty.sqlite')}`, NTT_AUTH_AUTO_MIGRATE: 'off' },
        code: pending,
        sentence: /schema is behind this version\. Run "ntt-auth migrate up"/,
      },
      'of a later version': {
        env: { NTT_AUTH_DATABASE_URL: `sqlite:${at('newer.sqlite')}` },
        code: newer,
        sentence: /schema is newer than this version\. Start the version that made it/,
      },
      'of another master key': {
        env: { NTT_AUTH_DATABASE_URL: `sqlite:${at('data/ntt-auth.sqlite')}`, NTT_AUTH_MASTER_KEY: key() },
        code: config,
        sentence: /The master key does not open the signing key .*Start with the former NTT_AUTH_MASTER_KEY/,
      },
    }
    before(async () => {
      writeFileSync(at('no.sqlite'), 'this is no database, and it is longer than the header of one would be'.repeat(20))
      const url = `sqlite:${at('newer.sqlite')}`
      assert.equal((await run(['migrate', 'up'], { NTT_AUTH_DATABASE_URL: url })).code, 0)
      const database = await openDatabase({ url })
      const row = { migration: '9999-future', step: 0, started_at: 1, finished_at: 2 }
      await database.db.insertInto('schema_migrations').values(row).execute()
      await database.close()
    })

    for (const [state, { env, code, sentence }] of Object.entries(states)) {
      it(`${state}: every command says so in the same words, with exit ${code}`, async () => {
        for (const args of onDatabase) {
          const answer = await run(args, env)
          assert.equal(answer.code, code, `${args.join(' ')}: ${answer.err}`)
          assert.match(answer.err, sentence)
          assertSentence(answer, args.join(' '))
          assert.ok(!answer.err.includes('hidden-word'))
        }
      })
    }

    // The kernel says ENOENT there although the directory above exists; a process of its own, because Node once spun.
    it('in a directory that cannot be made: says which at once', { skip: process.platform !== 'linux' }, () => {
      for (const args of [
        ['users', 'list'],
        ['migrate', 'status'],
        ['serve', '--port', '0'],
      ]) {
        for (const [variable, value] of [
          ['NTT_AUTH_DATA_DIR', '/proc/nope'],
          ['NTT_AUTH_DATABASE_URL', 'sqlite:/proc/nope/auth.sqlite'],
        ] as const) {
          const env = { ...asBuilt, PATH: process.env.PATH, NTT_AUTH_DATA_DIR: at('data'), [variable]: value }
          const options = { env, cwd: directory, encoding: 'utf8', timeout: 30_000 } as const
          const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], options)
          const err = stderr.replace(/^Database: .*\n/, '')
          assert.equal(status, config, err)
          assert.match(err, new RegExp(`${variable}[^]*/proc/nope cannot be made \\(ENOENT\\)\\.\\n.*${variable}`))
          assertSentence({ out: stdout, err }, args.join(' '))
        }
      }
    })

    it('is judged by doctor instead, who finds the problem in each case', async () => {
      for (const [state, { env }] of Object.entries(states)) {
        const { code, out, err } = await run(['doctor', '--json'], env)
        assert.deepEqual([code, err], [exitCodes.problems, ''], state)
        assert.equal(JSON.parse(out).verdict, 'problem', state)
      }
    })

    it('is told by migrate in the same way, but for what migrations mend', async () => {
      for (const state of ['that is a directory', 'that is no database', 'that nobody answers for']) {
        const { env, code, sentence } = states[state]!
        const answer = await run(['migrate', 'up', '--json'], env)
        assert.equal(answer.code, code, answer.err)
        assert.match(answer.err, sentence)
        assertSentence(answer, state)
      }
      const { code, err } = await run(['migrate', 'up'], states['of a later version']!.env)
      assert.equal(code, newer)
      assert.match(err, /it has 9999-future\. Install a newer version/)
    })
  })
})

it('a full disk behind the output gets a sentence and exit 1', { skip: process.platform !== 'linux' }, () => {
  const full = openSync('/dev/full', 'w')
  const env = { ...asBuilt, PATH: process.env.PATH, NTT_AUTH_DATA_DIR: mkdtempSync(join(tmpdir(), 'ntt-auth-full-')) }
  for (const args of [['users', 'list', '--json'], ['help']]) {
    const options = { env, encoding: 'utf8', stdio: ['ignore', full, 'pipe'] as StdioOptions } as const
    const { status, stderr } = spawnSync(process.execPath, [entry, ...args], options)
    assert.equal(status, failed, stderr)
    assert.match(stderr, /The output could not be written \(ENOSPC: .*\): what was printed is not whole\.\n/)
    assert.doesNotMatch(stderr, /^\s+at |node:internal/m)
  }
  closeSync(full)
  rmSync(env.NTT_AUTH_DATA_DIR, { recursive: true, force: true })
})

it('what a file holds cannot move the cursor of who reads the complaint', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-signs-'))
  const env = { ...asBuilt, PATH: process.env.PATH, NTT_AUTH_DATA_DIR: directory }
  for (const [bytes, sentence] of [
    [
      'email,\u001b[2J\u001b]0;owned\u0007\u009b1m\u202e\n',
      /a column "\\u001b\[2J\\u001b\]0;owned\\u0007\\u009b1m\\u202e" that/,
    ],
    [Buffer.from('email\na@example.com\n', 'utf16le'), /^The file is not UTF-8 \(it may be UTF-16/m],
    ['email,a\0b\n', /^The file is not UTF-8/m],
  ] as const) {
    const file = join(directory, 'users.csv')
    writeFileSync(file, bytes)
    const options = { env, encoding: 'utf8', timeout: 30_000 } as const
    const { status, stderr } = spawnSync(process.execPath, [entry, 'users', 'import', file], options)
    assert.equal(status, usage, stderr)
    assert.match(stderr, sentence)
    assert.doesNotMatch(stderr.replaceAll('\n', ''), /[\p{Cc}\u202e]/u)
  }
  rmSync(directory, { recursive: true, force: true })
})

it('what a terminal is shown keeps its letters, lines and tabs', () => {
  assert.equal(forTerminal('Jürgen 😀\n\tx'), 'Jürgen 😀\n\tx')
  assert.equal(forTerminal('a\rb\u0085\u2028\u007f'), 'a\\u000db\\u0085\\u2028\\u007f')
})

it('the help of services says what every scope is for', async () => {
  const { out } = await run(['services', '--help'])
  for (const scope of serviceScopes) assert.match(out, new RegExp(`^ +${scope} {2,}\\S.*(GET|POST) /`, 'm'))
})

async function everything(url: string): Promise<string> {
  const database = await openDatabase({ url })
  try {
    const tables = ['users', 'services', 'service_secrets', 'signing_keys', 'sessions', 'audit_lines'] as const
    const rows = await Promise.all(tables.map((table) => database.db.selectFrom(table).selectAll().execute()))
    return JSON.stringify(rows)
  } finally {
    await database.close()
  }
}
