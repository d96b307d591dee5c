import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { commands } from '../src/cli/commands.ts'
import { eventually } from './flows/flow-server.ts'
import { call, goodPassword, registerSomebody } from './support/server.ts'

/**
 * Every command of these pages, typed in their order beside a server, and what each must say. A page with a command
 * more or less than stands here fails: whoever adds one says what it does.
 */
type Expected = { says: RegExp; code?: number }
// Keys that were made in one millisecond come in any order.
const aRotation = /^(?=.*^retiring )(?=.*^active )(?=.*^next )/ms
const pages: Record<string, Expected[]> = {
  'admin.md': [
    { says: /Password for ada@example\.com: .*ada@example\.com is an administrator/s },
    { says: /^grace@example\.com is an administrator/ },
    { says: /^mary@example\.com will be an administrator .*ntto_/s },
    { says: /^joan@example\.com is an administrator/ },
    { says: /^$/ },
    { says: /^$/ },
    { says: /"email":"ada@example\.com".*"next_cursor":null/ },
    { says: / active +ada@example\.com / },
    { says: /^$/ },
    { says: /^roles +admin$/m },
    { says: /^204$/ },
    { says: /^grace@example\.com is disabled/ },
    { says: /^$/ },
    { says: /^grace@example\.com is enabled/ },
  ],
  'services.md': [
    { says: /^client_secret {2}ntts_/m },
    { says: /^$/ },
    { says: /^\{"active":true,/ },
    { says: /"email":"ada@example\.com"/ },
    { says: /^200$/ },
    { says: /^\{"active":false\}$/ },
    { says: /^client_secret {2}ntts_.*^secrets .*expires 20.*, .*expires never/ms },
    { says: /^secrets .*expires 20.*, last used 20.*, .*expires never/m },
    { says: /^deleted / },
    { says: /^secrets {2}\S+ \(expires never, last used never\)$/m },
    { says: /"client_secret":"ntts_/ },
    { says: /"scopes":\["introspect"\]/ },
  ],
  'keys.md': [
    { says: /^(?=.*^active +ES256 )(?=.*^next +ES256 )/ms },
    { says: /Wait \d+ seconds, or add --now/, code: 1 },
    { says: aRotation },
    { says: aRotation },
    { says: /^\s*/ },
    { says: /^next +ES256 /m },
  ],
  'revocation.md': [
    { says: /^client_secret {2}ntts_/m },
    { says: /^$/ },
    { says: /^\{"cursor":"[^"]+","items":\[\{"kind":/ },
    { says: /^\{"cursor":"[^"]+","items":\[/ },
  ],
  'monitoring.md': [{ says: /^ntt_auth_ready 1$/m }, { says: /ready/ }, { says: /listens on http:/ }],
  'nodes.md': [
    { says: /^Database: sqlite:/ },
    { says: /^Database: sqlite:.*\n$|^The schema is current\.$/m },
    { says: /^applied +0001-.*^The schema is current\.$/ms },
    { says: /^ok +database +The schema is current\.$/m, code: 1 },
  ],
  'audit.md': [
    { says: /^20.* user_registered .*email="joan@example\.com"/m },
    { says: /^\d+ lines exported to november\.ndjson\.$/ },
    { says: /The last checkpoint is number \d.*\nThe log is what was written\.\n/s },
  ],
}

const root = join(import.meta.dirname, '../..')
const textOf = (page: string) => readFileSync(join(root, 'docs', page), 'utf8')
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
    block!
      .replaceAll('\\\n', '')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#')),
  )

// Others may run this test on the same machine.
const port = 12_000 + 2 * (process.pid % 4000)
const managementPort = port + 1
const address = `http://127.0.0.1:${port}`

/** What a shell knows that was not typed on the page itself. */
const prelude = `
set -eu -o pipefail -o allexport
curl() { command curl --fail-with-body "$@"; }
brief() {
  ntt-auth serve --port 0 --management-port 0 --data-dir brief > brief.log 2>&1 & pid=$!
  until grep -q 'listens on' brief.log; do kill -0 $pid; sleep 0.1; done
  kill $pid; wait $pid; cat brief.log
}
`

describe('the documentation', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-pages-'))
  const env: Record<string, string> = {
    PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
    HOME: directory,
    NTT_AUTH_DATA_DIR: join(directory, 'data'),
    NTT_AUTH_PORT: String(port),
    NTT_AUTH_MANAGEMENT_PORT: String(managementPort),
    NTT_AUTH_PASSWORD_HASH: 'argon2id',
    NTT_AUTH_HASH_MAX_WAIT: '30s',
    NTT_AUTH_LOG_LEVEL: 'fatal',
  }
  let server: ReturnType<typeof spawn>
  let joan: Awaited<ReturnType<typeof registerSomebody>>
  const stop = async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill()
    await gone
  }

  before(async () => {
    mkdirSync(join(directory, 'bin'))
    const program = join(directory, 'bin/ntt-auth')
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'server/bin/ntt-auth.js')}' "$@"\n`)
    chmodSync(program, 0o755)
    writeFileSync(join(directory, 'password.txt'), `${goodPassword}\n`)
    server = spawn(program, ['serve'], { cwd: directory, env, stdio: 'ignore' })
    await eventually(
      () =>
        fetch(`${address}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      20_000,
    )
    joan = await registerSomebody({ call: (...request) => call(address, ...request) }, 'joan@example.com')
  })
  after(async () => {
    if (server.exitCode === null) await stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const type = (command: string, variables: string) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      const script = `${prelude}\ntouch ${variables}; . ./${variables}\n${command}\nexport -p > ${variables}\n`
      execFile('bash', ['-c', script], { cwd: directory, env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), said: `${stdout}${stderr}`.trimEnd() }),
      )
    })

  /** Types a command at a terminal, and the password whenever it is asked for. */
  const typeAtTerminal = (command: string) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: directory, env })
      let said = ''
      child.stdout.on('data', (piece) => {
        said += piece
        if (/(Password for .*|The same again): $/.test(said)) child.stdin.write(`${goodPassword}\r`)
      })
      child.once('exit', (code) => resolve({ code: code ?? 1, said: said.trimEnd() }))
    })

  /** Puts what a reader would put: what former commands printed, and the addresses of this server. */
  const filled = (command: string, said: string): string => {
    const last = (shape: RegExp) => [...said.matchAll(shape)].at(-1)?.[1] ?? 'nothing was printed'
    return command
      .replaceAll('http://127.0.0.1:8080', address)
      .replaceAll('http://127.0.0.1:9090', `http://127.0.0.1:${managementPort}`)
      .replaceAll('https://auth.example.com', address)
      .replaceAll('/mnt/offsite', directory)
      .replaceAll('01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d', joan.user.id)
      .replaceAll('svc_…', () => last(/(svc_[\w-]+)/g))
      .replaceAll('ntts_…', () => last(/(ntts_[\w-]+)/g))
      .replaceAll('ntto_…', () => last(/(ntto_[\w-]+)/g))
      .replaceAll('"…"', `"${goodPassword}"`)
      .replaceAll('CURSOR', () => last(/"cursor":"([^"]+)"/g))
      .replaceAll('SECRET_ID', () => last(/^secrets {2}(\S+)/gm))
      .replace(/\bKID\b/, () => last(/^active +\S+ +(\S+)/gm))
      .replace(/ntt-auth serve$/, 'brief')
  }

  it('has no command that is not typed here', () => {
    for (const [page, expected] of Object.entries(pages)) {
      assert.equal(commandsIn(textOf(page)).length, expected.length, `${page}: ${commandsIn(textOf(page)).join('\n')}`)
      assert.ok(!/^ {4}(ntt-auth|curl) /m.test(textOf(page)), `${page} has a command outside of a block of sh`)
    }
  })

  for (const [page, expected] of Object.entries(pages)) {
    it(`${page}: every command does what the page says`, async () => {
      const variables = `${page}.variables`
      if (page === 'services.md') {
        const [ada, mary] = await Promise.all(['ada', 'mary'].map(logIn))
        const given = { access: mary.access_token, refresh: mary.refresh_token, admin: ada.access_token }
        const lines = Object.entries(given).map(([name, value]) => `export ${name}=${value}\n`)
        writeFileSync(join(directory, variables), lines.join(''))
      }
      if (page === 'audit.md') {
        // Signed as the last act of a stop; the command needs no server.
        await stop()
        copyFileSync(join(directory, 'data/audit-checkpoints.ndjson'), join(directory, 'audit-checkpoints.ndjson'))
      }
      let said = ''
      for (const [index, command] of commandsIn(textOf(page)).entries()) {
        if (command.includes('/services/$id/')) await nameService(variables)
        const { says, code = 0 } = expected[index]!
        const whole = filled(command, said)
        const asks = command.includes('# asks for the password')
        const result = asks ? await typeAtTerminal(whole) : await type(whole, variables)
        assert.equal(result.code, code, `${whole}\n${result.said}`)
        assert.match(result.said.replaceAll('\r', ''), says, whole)
        said += `\n${result.said}`
      }
    })
  }

  const logIn = async (name: string) => {
    const credentials = { email: `${name}@example.com`, password: goodPassword }
    return (await call(address, 'POST', '/v1/auth/login', { body: credentials })).body
  }

  /** The id that a reader looks up in the list. */
  const nameService = async (variables: string) => {
    const list = `list=$(curl -s ${address}/v1/admin/services -H "authorization: Bearer $admin")`
    const { code, said } = await type(
      `${list}; id=$(echo "$list" | sed 's/.*"items":\\[{"id":"\\([^"]*\\)".*/\\1/')`,
      variables,
    )
    assert.equal(code, 0, said)
  }

  it('speaks in its prose of commands and options that there are', async () => {
    const names = Object.keys(commands).join('|')
    let seen = 0
    for (const page of [...Object.keys(pages), 'mail.md', 'throttling.md', 'own-data.md', 'moving.md']) {
      for (const [, inline] of textOf(page).matchAll(new RegExp(`\`(?:ntt-auth )?((?:${names}) [^\`]+)\``, 'g'))) {
        const [name, action, ...rest] = inline!.split(/\s+/)
        const { help, options } = (await commands[name!]!()).command
        if (/^[a-z]/.test(action!))
          assert.match(help, new RegExp(`^.*\\b${name} [a-z|]*\\b${action}\\b`, 'm'), `${page}: ${inline}`)
        for (const [, option] of [action, ...rest].join(' ').matchAll(/(?<=^|\s)--([a-z-]+)/g)) {
          assert.ok(option! in (options ?? {}), `${page}: ${inline}: there is no --${option}`)
        }
        seen++
      }
    }
    assert.ok(seen > 15, `${seen} commands in the prose`)
  })
})
