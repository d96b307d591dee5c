/**
 * Imports users with hashes of five systems, kills the import on its way, runs it again, and has a user of each system log
 * in:
 *
 *     npm run bench:import -- --users 100000 [--database URL]
 *
 * Without a URL it is SQLite in a directory of its own. Linux only: memory is read from /proc.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openDatabase } from '../server/src/database/connect.ts'
import { foreignVectors, vectors } from '../server/test/passwords/vectors.ts'
import { describeMachine } from './support/machine.ts'
import { serverEnv, startServer } from './support/processes.ts'

const { values } = parseArgs({
  options: { users: { type: 'string', default: '100000' }, database: { type: 'string' } },
})
const count = Number(values.users)
if (!Number.isInteger(count) || count < 1000) throw new RangeError('--users is a number from 1000 on.')

/** As these systems make them by default. */
const systems = {
  bcrypt: /^\$2b\$10\$/,
  'argon2id (PHC)': /^\$argon2id\$v=19\$m=19456/,
  'Django PBKDF2': /^pbkdf2_sha256\$1000000\$salt/,
  'Werkzeug scrypt': /^scrypt:32768/,
  'Firebase scrypt': /^\$firescrypt/,
}
const known = [...vectors, ...foreignVectors]
const chosen = Object.entries(systems).map(([name, shape]) => ({
  name,
  ...known.find(({ hash }) => shape.test(hash))!,
}))

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-bench-import-'))
const database = values.database ?? `sqlite:${join(directory, 'import.sqlite')}`
const settings = { DATABASE_URL: database, PASSWORD_HASH: 'argon2id', AUTO_MIGRATE: 'on' }
const entry = fileURLToPath(new URL('../server/bin/ntt-auth.js', import.meta.url))
const [file, report] = [join(directory, 'users.ndjson'), join(directory, 'report.ndjson')]

try {
  await writeUsers()
  const machine = describeMachine()
  console.log(
    `Commit ${machine.commit}, ${machine.date}: ${machine.cores} cores of ${machine.cpu}, ${machine.system}, Node ${machine.node}.`,
  )
  const killed = await runImport(count * 0.4)
  console.log(`killed after ${killed.seconds.toFixed(1)} s; ${await countUsers()} users were there`)
  const resumed = await runImport()
  console.log(`run again: ${resumed.seconds.toFixed(1)} s, peak memory ${resumed.peak} MB: ${resumed.out.trim()}`)
  const { db, close } = await open()
  for (const table of ['users', 'passwords', 'user_words'] as const) await db.deleteFrom(table).execute()
  await close()
  rmSync(report)
  const whole = await runImport()
  const rate = Math.round(count / whole.seconds)
  console.log(
    `in one go: ${whole.seconds.toFixed(1)} s (${rate} a second), peak memory ${whole.peak} MB: ${whole.out.trim()}`,
  )
  console.log(`report: ${await countLines(report)} lines`)
  await logInAsEach()
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function writeUsers(): Promise<void> {
  const out = createWriteStream(file)
  for (let place = 0; place < count; place++) {
    const row = {
      email: `person-${place}@example.com`,
      password_hash: chosen[place % chosen.length]!.hash,
      email_verified: place % 3 > 0,
      name: `Person Number${place}`,
      metadata: { plan: 'gold', number: place },
      created_at: new Date(1_500_000_000_000 + place * 1000).toISOString(),
    }
    if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

/** @param killAt from so many lines of the report on, the process is killed */
async function runImport(killAt?: number) {
  const began = performance.now()
  const child = spawn(process.execPath, [entry, 'users', 'import', file, '--report', report], {
    env: { PATH: process.env.PATH, ...serverEnv(directory, settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, peak, ended] = ['', 0, false]
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => process.stderr.write(text))
  const exit = once(child, 'exit').then(([code]) => {
    ended = true
    return code as number | null
  })
  while (!ended) {
    await Promise.race([exit, delay(100)])
    peak = Math.max(peak, peakMemory(child.pid!))
    if (killAt !== undefined && (await countUsers()) >= killAt) child.kill('SIGKILL')
  }
  const code = await exit
  if (killAt === undefined && code !== 0) throw new Error(`The import ended with ${code}.`)
  return { out, peak, seconds: (performance.now() - began) / 1000 }
}

/** Megabytes, at the most so far; 0 once the process has gone. */
function peakMemory(pid: number): number {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
  } catch {
    return 0
  }
}

async function open() {
  return openDatabase({ url: database, poolSize: 1 })
}

async function countUsers(): Promise<number> {
  const { db, close } = await open()
  try {
    const row = await db
      .selectFrom('users')
      .select((users) => users.fn.countAll().as('count'))
      .executeTakeFirst()
    return Number(row?.count ?? 0)
  } catch {
    // Before the first migration there is no table.
    return 0
  } finally {
    await close()
  }
}

async function countLines(path: string): Promise<number> {
  let lines = 0
  for await (const _ of createInterface({ input: createReadStream(path) })) lines++
  return lines
}

async function logInAsEach(): Promise<void> {
  const server = await startServer(directory, settings)
  const { db, close } = await open()
  try {
    for (const [place, { name, password }] of chosen.entries()) {
      const began = performance.now()
      const answer = await fetch(`${server.address}/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: `person-${place}@example.com`, password }),
      })
      const took = performance.now() - began
      const { user } = (await answer.json()) as { user?: { id: string } }
      if (!user) throw new Error(`${name}: the login was answered with ${answer.status}.`)
      for (let tries = 0; ; tries++) {
        const query = db.selectFrom('passwords').select('hash').where('user_id', '=', user.id)
        if ((await query.executeTakeFirstOrThrow()).hash.startsWith('$argon2id$v=19$m=19456,t=2,p=1$')) break
        if (tries === 100) throw new Error(`${name}: the hash was not replaced.`)
        await delay(50)
      }
      console.log(`login, ${name}: ${answer.status} in ${took.toFixed(0)} ms; the hash is argon2id now`)
    }
  } finally {
    await close()
    await server.stop()
  }
}
