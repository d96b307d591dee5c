/**
 * The command behind `npm test --workspace server`: starts the databases, runs the tests, and measures how much of
 * `src/` they reach. With file patterns as arguments it runs those only, and asks for no coverage.
 */
import { execFileSync, spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { skipRedis } from '../test/support/redis.ts'
import { schemathesis } from '../test/support/schemathesis.ts'
import { startDatabases } from '../test/support/start-databases.ts'
import type { Outcome } from './outcomes.ts'
import { count, readFlaws, readRequirements, unproven } from './requirements.ts'

const server = fileURLToPath(new URL('..', import.meta.url))
const [flags, patterns] = [process.argv.slice(2).filter(isFlag), process.argv.slice(2).filter((each) => !isFlag(each))]
const everything = patterns.length === 0
const files = globSync(everything ? ['src/**/*.test.ts', 'test/**/*.test.ts'] : patterns, { cwd: server }).sort()
if (files.length === 0) {
  console.error(`No test file matches ${patterns.join(' ') || 'src/**/*.test.ts or test/**/*.test.ts'}.`)
  process.exit(1)
}

const coverage = [
  '--experimental-test-coverage',
  '--test-coverage-include=src/**',
  '--test-coverage-exclude=src/**/*.test.ts',
  '--test-coverage-lines=90',
  '--test-coverage-branches=90',
]

// Minutes. A test that failed may leave threads and sockets behind, and must not hang the run for that; ending each file
// by force instead (--test-force-exit) loses results. A test has three minutes, a file five (test/support/time-limit.ts),
// unless it never gives its thread back: then this is what ends it.
const longest = 20

const databases = await startDatabases()
const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-outcomes-'))
const outcomes = join(directory, 'outcomes.jsonl')
// Every file is a process of its own: sources are stripped of their types and compiled by the first that reads them. Where
// coverage is measured the cache is new, since of what comes from it the branches outside of functions are not counted.
const compiled = everything
  ? join(directory, 'compiled')
  : fileURLToPath(new URL('../../node_modules/.cache/ntt-auth-tests', import.meta.url))
let code = 1
try {
  // What tests run from outside runs as it was built.
  if (everything) execFileSync(process.execPath, ['scripts/build.ts'], { cwd: server, stdio: 'inherit' })
  code = await run()
  if (everything && !proveRequirements()) code ||= 1
} finally {
  rmSync(directory, { recursive: true, force: true })
  await databases.stop()
}
for (const name of databases.missing) {
  console.error(`SKIPPED: everything that runs on ${name}, which is not installed.`)
}
if (skipRedis) console.error(`SKIPPED: everything that runs with Redis, since ${skipRedis}.`)
if (schemathesis.skip) console.error(`SKIPPED: the fuzz of every route, since ${schemathesis.skip}.`)
process.exit(code)

function run(): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      '--test',
      '--test-concurrency=2',
      '--test-timeout=180000',
      '--import=./test/support/time-limit.ts',
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=./scripts/outcomes.ts', `--test-reporter-destination=${outcomes}`],
      ...(everything ? coverage : []),
      ...flags,
      ...files,
    ],
    { cwd: server, stdio: 'inherit', env: { ...process.env, ...databases.env, NODE_COMPILE_CACHE: compiled } },
  )
  const late = setTimeout(() => {
    console.error(`The tests have not ended within ${longest} minutes: the files named below left something open.`)
    child.kill('SIGINT')
  }, longest * 60_000)
  late.unref()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)))
}

/** Says how much of OWASP ASVS this run has shown. @returns whether every test passed that a requirement names */
function proveRequirements(): boolean {
  const lines = readFileSync(outcomes, 'utf8').split('\n').filter(Boolean)
  const requirements = readRequirements()
  const results = lines.map((line) => JSON.parse(line) as Outcome)
  const open = [...unproven(requirements, results, 'server/'), ...unproven(readFlaws(), results, 'server/')]
  for (const { level, all, shown } of count(requirements)) {
    console.log(`OWASP ASVS 5.0, level ${level}: ${shown} of the ${all} requirements that concern us are shown.`)
  }
  for (const [id, { missing }] of Object.entries(requirements))
    if (missing) console.log(`  not shown: ${id}: ${missing}`)
  for (const { line } of open) console.error(`  no proof in this run: ${line}`)
  return open.every(({ skipped }) => skipped && process.env.NTT_AUTH_TEST_REQUIRE_ALL !== '1')
}

function isFlag(argument: string): boolean {
  return argument.startsWith('--')
}
