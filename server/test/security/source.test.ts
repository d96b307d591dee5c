import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/** What must not stand in the source, and where what is dangerous may. Each check is shown to find a planted line. */

const root = fileURLToPath(new URL('../../', import.meta.url))
const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
const source = new Map(files.map((file) => [file, withoutComments(readFileSync(`${root}${file}`, 'utf8'))]))

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

type Check = { name: string; pattern: RegExp; allowed?: readonly string[]; planted: string }

const checks: Check[] = [
  {
    name: 'no code that is made at run time',
    pattern: /\beval\(|\bnew Function\(|\bFunction\(|node:vm\b|setTimeout\(\s*['"`]/,
    planted: 'const f = new Function("return 1")',
  },
  {
    name: 'no command of the operating system',
    pattern: /node:child_process/,
    planted: "import { exec } from 'node:child_process'",
  },
  {
    name: 'no regular expression made of input',
    pattern: /new RegExp\(/,
    // The pattern is a constant that the schema publishes as well.
    allowed: ['src/http/routes/refresh.ts'],
    planted: 'new RegExp(query.q)',
  },
  {
    name: 'no regular expression in which a repeated group ends in something repeated',
    pattern: /[*+]\)[*+]|[*+]\)\{\d+,\}/,
    // There each repetition begins with a sign that the rest of the group does not hold.
    allowed: ['src/http/documentation.ts', 'src/domain/users/email.ts'],
    planted: 'const shape = /^(a+)+$/',
  },
  {
    name: 'no statement that is built of text',
    pattern: /sql\.raw\(|executeQuery\(CompiledQuery\.raw\(`[^`]*\$\{/,
    allowed: files.filter((file) => file.startsWith('src/database/')),
    planted: `sql.raw(\`select \${name}\`)`,
  },
  {
    name: 'no connection to anywhere but the database, and no request to another server',
    pattern: /from 'node:(https|tls|dgram|dns|http2)'|\bfetch\(|from 'undici'|\bnet\.connect\(/,
    // They ask their own server on the management listener.
    allowed: ['src/cli/healthcheck.ts', 'src/cli/doctor/forwarding.ts'],
    planted: "await fetch('https://elsewhere.example')",
  },
  {
    name: 'no file that a request could name: routes, flows and chores open none',
    pattern: /from '(node:)?fs(\/promises)?'/,
    // Paths come from settings and from who sits at the machine.
    allowed: files.filter((file) => !/^src\/(http|flows|chores)\//.test(file)),
    planted: "import { readFileSync } from 'node:fs'",
  },
  {
    name: 'no certificate that is taken unseen but where the database URL asks for that',
    pattern: /rejectUnauthorized|NODE_TLS_REJECT/,
    allowed: ['src/database/tls.ts'],
    planted: 'rejectUnauthorized: false',
  },
  {
    name: 'nothing written past the log and the command line',
    pattern: /console\.|process\.(stdout|stderr)/,
    allowed: files.filter((file) => file === 'src/main.ts' || file.startsWith('src/cli/')),
    planted: "console.log('here')",
  },
  {
    name: 'no log line whose words hold a value',
    pattern: /log\.(trace|debug|info|warn|error|fatal)\([^\n;]*?,\s*(`[^`]*\$\{|\w+ \+|'[^']*%[sdoj])/,
    planted: `app.log.info({}, \`logged in: \${email}\`)`,
  },
  {
    name: 'no weak hash, no cipher without authentication, no encryption by RSA',
    pattern:
      /createHash\((?!'sha256'\))|createHmac\((?!'sha256'|'sha384')|(create|De)\w*[cC]ipheriv\((?!'aes-256-gcm')|publicEncrypt|privateDecrypt/,
    // What Firebase compares is a key in counter mode; nothing is kept secret by it.
    allowed: ['src/domain/passwords/compute.ts'],
    planted: "createHash('md5')",
  },
  {
    name: 'no secret from Math.random',
    pattern: /Math\.random/,
    // Elsewhere it spreads waiting times.
    allowed: files.filter((file) => /^src\/(chores|flows|database|cli|domain\/passwords\/governor)/.test(file)),
    planted: 'const token = Math.random().toString(36)',
  },
  {
    name: 'no comparison of a MAC or a digest that stops at the first difference',
    pattern:
      /\b(mac|digest|hash|signature|tag)(\([^)]*\))?\s*(===|!==)|\.equals\((mac|digest|hash|tag)|(mac|digest|hash)(\([^)]*\))?\.equals\(/i,
    // The rooms that hold what a caller must not be able to guess; elsewhere such names are no secrets.
    allowed: files.filter((file) => !/^src\/domain\/(tokens|revocations|services|keys|links)\//.test(file)),
    planted: 'if (mac(key, body).equals(shown)) return',
  },
]

describe('the source has', () => {
  for (const { name, pattern, allowed = [] } of checks) {
    it(name, () => {
      const found = [...source].filter(([file, code]) => pattern.test(code) && !allowed.includes(file))
      assert.deepEqual(
        found.map(([file, code]) => `${file}: ${pattern.exec(code)![0]}`),
        [],
      )
    })
  }
})

describe('the checks of the source', () => {
  for (const { name, pattern, planted } of checks) {
    it(`find a planted line: ${name}`, () => assert.match(withoutComments(planted), pattern))
  }
})

describe('the packages', () => {
  const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'))
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

  it('are pinned: each by its checksum, and those we name by their exact version', () => {
    type Entry = { integrity?: string; link?: boolean; resolved?: string; inBundle?: boolean }
    const loose = Object.entries(lock.packages as Record<string, Entry>).filter(
      ([path, entry]) =>
        path.includes('node_modules/') && !entry.link && !entry.inBundle && !/^sha512-/.test(entry.integrity ?? ''),
    )
    assert.deepEqual(
      loose.map(([path]) => path),
      [],
    )
    for (const [name, version] of Object.entries(own.dependencies as Record<string, string>)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
    }
  })

  it('that are published hold no tests', () => {
    assert.deepEqual(own.files, ['bin', 'dist', 'data'])
  })
})
