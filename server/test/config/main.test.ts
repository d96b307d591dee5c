import { deepEqual, doesNotMatch, equal, match, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commands } from '../../src/cli/commands.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { settingNames, settingOf, variableOf } from '../../src/config/env.ts'
import { asBuilt } from '../support/as-built.ts'
import { runCommand } from '../support/run-command.ts'

const entry = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-cli-'))
after(() => rmSync(directory, { recursive: true }))

function run(args: string[], env: Record<string, string> = {}, node: string[] = []) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('NTT_AUTH_'))
  const child = spawn(process.execPath, [...node, entry, ...args], {
    cwd: directory,
    // What becomes of a failure is measured: nothing else reaches it.
    env: { ...Object.fromEntries(inherited), ...(node.length === 0 && asBuilt), ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  )
  return Object.assign(ended, { child })
}

test('the command by itself and "npm start" give Node the same flags, and it takes them', async () => {
  const flags = (line: string) => line.split(' ').filter((word) => word.startsWith('--'))
  const [shebang] = readFileSync(entry, 'utf8').split('\n')
  const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  deepEqual(flags(shebang!), flags(scripts.start))
  equal(flags(shebang!).length, 1)
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter)
  const child = spawn(entry, ['version'], { cwd: directory, env: { ...process.env, PATH }, stdio: 'ignore' })
  deepEqual(await once(child, 'exit'), [0, null])
})

describe('finding a command', () => {
  test('no command lists the commands on standard error', async () => {
    const { code, stdout, stderr } = await run([])
    deepEqual([code, stdout], [64, ''])
    match(stderr, /config .*check or print the configuration/)
  })

  test('an unknown command is answered with the nearest known one', async () => {
    deepEqual(await run(['verison']), {
      code: 64,
      stdout: '',
      stderr: 'There is no command "verison". Did you mean "version"?\n',
    })
    match((await run(['frobnicate'])).stderr, /"ntt-auth help" lists the commands/)
    equal((await run(['toString'])).code, 64)
  })

  for (const name of Object.keys(commands)) {
    test(`${name} refuses a word that it does not know`, async () => {
      const { command } = await commands[name]!()
      for (const words of [
        ['frobnicate', 'now'],
        ['list', 'now', 'at', 'once'],
      ]) {
        await rejects(runCommand(command, words, { NTT_AUTH_DATA_DIR: join(directory, 'untouched') }), UsageError)
      }
      equal(existsSync(join(directory, 'untouched')), false)
    })
  }

  test('options come after the command', async () => {
    deepEqual(await run(['--port', '1']), {
      code: 64,
      stdout: '',
      stderr: 'The command comes first: ntt-auth <command> [options].\n',
    })
  })

  for (const args of [['--help'], ['-h'], ['help']]) {
    test(`${args} lists every command`, async () => {
      const { code, stdout } = await run(args)
      equal(code, 0)
      for (const name of Object.keys(commands)) match(stdout, new RegExp(`^  ${name} `, 'm'))
    })
  }

  test('every command explains itself', async () => {
    for (const name of Object.keys(commands)) {
      const [byOption, byHelp] = await Promise.all([run([name, '--help']), run(['help', name])])
      deepEqual(byOption, byHelp)
      deepEqual([byOption.code, byOption.stderr], [0, ''])
      match(byOption.stdout, new RegExp(`ntt-auth ${name}`))
      match(byOption.stdout, /Example/)
    }
    equal((await run(['help', 'nothing'])).code, 64)
  })

  test('help settings explains every setting', async () => {
    const { stdout } = await run(['help', 'settings'])
    for (const name of settingNames) {
      match(stdout, new RegExp(`^${variableOf(name)}  `, 'm'))
      equal(stdout.includes(settingOf(name).meaning), true)
    }
  })
})

describe('options', () => {
  for (const [args, sentence] of [
    [['config', 'check', '--prot', '1'], '"config" has no option --prot. Did you mean --port?'],
    [
      ['config', 'check', '--qqqqqqqqqqqq=secret'],
      '"config" has no option --qqqqqqqqqqqq. See "ntt-auth config --help".',
    ],
    [['config', 'check', '-x'], '"config" has no option -x. See "ntt-auth config --help".'],
    [['config', 'check', '--port'], 'Option \'--port <value>\' argument missing. See "ntt-auth config --help".'],
    [
      ['config', 'check', '--port', '--host'],
      '--port needs a value, and "--host" looks like an option. If it is the value: --port=--host. See "ntt-auth config --help".',
    ],
    [['version', '--json=x'], 'Option \'--json\' does not take an argument. See "ntt-auth version --help".'],
    [['config'], 'Call it as "ntt-auth config check" or "ntt-auth config print".'],
    [['config', 'check', 'all'], 'Call it as "ntt-auth config check" or "ntt-auth config print".'],
    [['config', 'check', '--json'], '--json and --origin belong to "config print".'],
  ] as const) {
    test(`${args.join(' ')} is refused in one line`, async () => {
      deepEqual(await run([...args]), { code: 64, stdout: '', stderr: `${sentence}\n` })
    })
  }

  test('a secret is refused with the reason, and not repeated', async () => {
    const { code, stderr } = await run(['config', 'check', '--master-key=hunter2'])
    equal(code, 64)
    match(stderr, /process list.*NTT_AUTH_MASTER_KEY_FILE/)
    doesNotMatch(stderr, /hunter2/)
  })
})

describe('version', () => {
  test('is printed as a line or an object', async () => {
    match((await run(['version'])).stdout, /^ntt-auth \d+\.\d+\.\d+ \(Node 2\d\.\d+\.\d+\)\n$/)
    deepEqual(await run(['--version']), await run(['version']))
    const { version, node } = JSON.parse((await run(['version', '--json'])).stdout)
    match(version, /^\d+\.\d+\.\d+$/)
    equal(node, process.versions.node)
  })

  test('--quiet prints nothing', async () => {
    deepEqual(await run(['version', '--quiet']), { code: 0, stdout: '', stderr: '' })
  })
})

describe('config', () => {
  test('check accepts what is right and makes no file', async () => {
    deepEqual(await run(['config', 'check', '--data-dir', 'fresh']), {
      code: 0,
      stdout: 'Configuration is fine.\n',
      stderr: '',
    })
    equal((await run(['config', 'check', '--data-dir', 'fresh/deeper'])).code, 0)
  })

  test('check says in production what a start allows and hardly anybody means', async () => {
    const production = {
      NTT_AUTH_ENV: 'production',
      NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
      NTT_AUTH_MASTER_KEY: randomBytes(32).toString('base64url'),
      NTT_AUTH_EMAIL_VERIFICATION: 'required',
      NTT_AUTH_TRUSTED_PROXIES: 'none',
    }
    const { code, stdout, stderr } = await run(['config', 'check', '--data-dir', 'fresh'], production)
    deepEqual([code, stdout], [0, 'Configuration is fine.\n'])
    match(stderr, /^Warning: NTT_AUTH_EMAIL_VERIFICATION=required .*\n$/)
    equal((await run(['config', 'print'], production)).stderr, '', 'other commands have something else to say')
  })

  test('neither check nor serve takes a production in which all clients would share one bucket', async () => {
    const production = {
      NTT_AUTH_ENV: 'production',
      NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
      NTT_AUTH_MASTER_KEY: randomBytes(32).toString('base64url'),
    }
    for (const args of [['config', 'check'], ['serve'], ['doctor']]) {
      const { code, stdout, stderr } = await run([...args, '--data-dir', 'untouched'], production)
      equal(code, args[0] === 'doctor' ? 2 : 78)
      match(stdout + stderr, /NTT_AUTH_TRUSTED_PROXIES.*\n?.*share one bucket/)
      equal(existsSync(join(directory, 'untouched')), false)
    }
  })

  test('print says that nobody is believed in the word for it', async () => {
    match((await run(['config', 'print'])).stdout, /^NTT_AUTH_TRUSTED_PROXIES=none$/m)
    const printed = JSON.parse((await run(['config', 'print', '--json'])).stdout)
    deepEqual([printed.trusted_proxies, printed.cors_origins], ['none', []])
  })

  test('check reports everything that is wrong', async () => {
    const { code, stdout, stderr } = await run(['config', 'check', '--port', 'abc'], { NTT_AUTH_ENVV: 'x' })
    deepEqual([code, stdout], [78, ''])
    equal(
      stderr,
      `The configuration has 2 problems.

  NTT_AUTH_ENVV (environment)
    There is no such setting.
    Did you mean NTT_AUTH_ENV?

  NTT_AUTH_PORT (flag)
    "abc" is not a whole number.
    Use a whole number from 0 to 65535.
`,
    )
    match((await run(['config', 'print', '--port', 'abc'])).stderr, /^The configuration has a problem\./)
  })

  test('check reads files of secrets and warns of open ones', async () => {
    const key = join(directory, 'open-key')
    writeFileSync(key, randomBytes(32).toString('base64url'), { mode: 0o644 })
    const { code, stderr } = await run(['config', 'check'], { NTT_AUTH_MASTER_KEY_FILE: key })
    equal(code, 0)
    match(stderr, /^Warning: .*chmod 640/)
    const missing = await run(['config', 'check'], { NTT_AUTH_MASTER_KEY_FILE: join(directory, 'none') })
    deepEqual([missing.code, /does not exist/.test(missing.stderr)], [78, true])
  })

  test('check reads the master key that is kept in the data directory', async () => {
    mkdirSync(join(directory, 'damaged'))
    writeFileSync(join(directory, 'damaged', 'master.key'), 'x', { mode: 0o600 })
    const { code, stderr } = await run(['config', 'check', '--data-dir', 'damaged'])
    equal(code, 78)
    match(stderr, /damaged: it holds no master key/)
  })

  const env = {
    NTT_AUTH_DATABASE_URL: 'postgres://auth:hunter2@db.example.com/auth',
    NTT_AUTH_MASTER_KEY: [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64url')).join(','),
    NTT_AUTH_CORS_ORIGINS: 'https://a.example,https://b.example',
  }

  test('print shows what counts, with secrets masked', async () => {
    const { code, stdout } = await run(['config', 'print', '--port', '8081'], env)
    equal(code, 0)
    const lines = stdout.trim().split('\n')
    deepEqual(
      lines.map((line) => line.split('=')[0]),
      settingNames.map(variableOf),
    )
    for (const line of [
      'NTT_AUTH_PORT=8081',
      'NTT_AUTH_PUBLIC_URL=http://127.0.0.1:8081',
      'NTT_AUTH_DATABASE_URL=postgres://auth:***@db.example.com/auth',
      'NTT_AUTH_MASTER_KEY=[secret],[secret]',
      'NTT_AUTH_AUTO_MIGRATE=off',
      'NTT_AUTH_ACCESS_TOKEN_TTL=15m',
    ]) {
      equal(lines.includes(line), true, line)
    }
  })

  test('print --origin shows where values come from', async () => {
    const { stdout } = await run(['config', 'print', '--origin', '--port', '8081'], env)
    match(stdout, /^NTT_AUTH_PORT=8081 {2}# flag$/m)
    match(stdout, /^NTT_AUTH_HOST=127\.0\.0\.1 {2}# default$/m)
    match(stdout, /^NTT_AUTH_CORS_ORIGINS=\S+ {2}# environment$/m)
    const withOrigin = JSON.parse((await run(['config', 'print', '--origin', '--json'], env)).stdout)
    deepEqual(withOrigin.cors_origins, { value: ['https://a.example', 'https://b.example'], origin: 'environment' })
  })

  test('print --json can be used as a configuration file', async () => {
    const { stdout } = await run(['config', 'print', '--json', '--auto-migrate', 'off'])
    const file = join(directory, 'printed.json')
    writeFileSync(file, stdout)
    deepEqual((await run(['config', 'print', '--json', '--config', file])).stdout, stdout)
    const masked = JSON.parse((await run(['config', 'print', '--json'], env)).stdout)
    deepEqual(masked.master_key, ['[secret]', '[secret]'])
    doesNotMatch(JSON.stringify(masked), /hunter2/)
  })
})

describe('failures', () => {
  // A failure that is neither the caller's nor the configuration's.
  const broken = [
    '--import',
    'data:text/javascript,process.stdin;Object.defineProperty(process,"stdin",{get(){throw new Error("no stdin")}})',
  ]

  test('are one sentence, with the stack only on request', async () => {
    const { code, stdout, stderr } = await run(['version'], {}, broken)
    deepEqual([code, stdout], [1, ''])
    equal(stderr, 'ntt-auth failed: no stdin (NTT_AUTH_LOG_LEVEL=debug shows where)\n')
    match((await run(['version'], { NTT_AUTH_LOG_LEVEL: 'debug' }, broken)).stderr, /no stdin\n +at /)
    match((await run(['version'], { NTT_AUTH_LOG_LEVEL: 'trace' }, broken)).stderr, /no stdin\n +at /)
  })

  test('that are no errors are told as well', async () => {
    const thrown = broken[1]!.replace('new Error("no stdin")', '"just text"')
    match((await run(['version'], {}, ['--import', thrown])).stderr, /^ntt-auth failed: just text/)
  })

  test('a reader that leaves early causes no complaint', async () => {
    const running = run(['help', 'settings'])
    running.child.stdout.destroy()
    const { code, stderr } = await running
    deepEqual([code, stderr], [0, ''])
  })

  test('another failure to write is not hidden', async () => {
    const failing =
      'data:text/javascript,setTimeout(()=>process.stdout.emit("error",Object.assign(new Error("disk full"),{code:"ENOSPC"})),1);setTimeout(()=>{},500)'
    const { code, stderr } = await run(['version'], {}, ['--import', failing])
    notZero(code)
    match(stderr, /disk full/)
  })
})

function notZero(code: number | null): void {
  equal(code !== 0, true)
}
