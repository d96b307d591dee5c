import { existsSync } from 'node:fs'
import { mendCertificate } from '../certificates.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { explainPlace } from '../config/data-directory.ts'
import { masterKeyFile, readMasterKey } from '../config/master-key.ts'
import { checkCertificates, rehearseDataDirectory } from '../config/rehearse.ts'
import { type Database, openDatabase } from '../database/connect.ts'
import { type Finding, fine, problem, warning } from '../database/finding.ts'
import { checkSchema } from '../database/migrate.ts'
import { clockSkew } from '../database/time.ts'
import { parseDatabaseUrl } from '../database/url.ts'
import type { Command, Invocation } from './command.ts'
import { examineForwarding } from './doctor/forwarding.ts'
import { examineKeys, type Store } from './doctor/keys.ts'
import { examineMachine } from './doctor/machine.ts'
import { examineMail } from './doctor/mail.ts'
import { examineOutbox } from './doctor/outbox.ts'
import { examineRedis } from './doctor/redis.ts'
import { examineSettings } from './doctor/settings.ts'
import { exitCodes } from './exit-codes.ts'
import { loadFrom, settingFlags } from './load-config.ts'
import { refuseArguments } from './no-arguments.ts'

export const command: Command = {
  summary: 'judge the configuration, the database, the keys and this machine',
  help: `ntt-auth doctor [--json] [--<setting> VALUE]

Looks at what a server with this configuration would meet, changes nothing, and says for each thing that is not as it
should be what to do: settings, proxies and limits (asking a server that runs here), data directory and disk, the
database with its version, settings, schema and clock, the master key and the signing keys, the mail server (no mail is
sent), mail that is held, Redis. Run it where the server runs, as its user, with its configuration.

"ok" is as it should be; a "warning" works, but not well in production or not for long; a "problem" keeps the server from
starting, or makes it unsafe. An arrow says what to do.

  --json              print an object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 all is well; 1 there are warnings; 2 there are problems; 64 the command line is wrong.

Examples:
  ntt-auth doctor
  ntt-auth doctor --json --config /etc/ntt-auth.json`,
  options: { ...settingFlags, json: { type: 'boolean' } },
  async run(invocation) {
    refuseArguments('doctor', invocation.arguments)
    const findings = await examine(invocation)
    if (invocation.options.json) invocation.print(JSON.stringify({ verdict: worst(findings), findings }, null, 2))
    else for (const line of findings.flatMap(asLines)) invocation.print(line)
    return { ok: exitCodes.ok, warning: exitCodes.failed, problem: exitCodes.problems }[worst(findings)]
  },
}

type Placed = Finding & { about: string }

function worst(findings: Finding[]): Finding['level'] {
  const has = (level: Finding['level']) => findings.some((each) => each.level === level)
  return has('problem') ? 'problem' : has('warning') ? 'warning' : 'ok'
}

function asLines({ level, about, says, remedy }: Placed): string[] {
  const line = `${level.padEnd(8)} ${about.padEnd(14)} ${says}`
  return remedy === undefined ? [line] : [line, `${' '.repeat(24)}→ ${remedy}`]
}

async function examine(invocation: Invocation): Promise<Placed[]> {
  const at = (about: string, findings: Finding[]): Placed[] => findings.map((finding) => ({ ...finding, about }))
  let loaded: ReturnType<typeof loadFrom>
  try {
    loaded = loadFrom({ ...invocation, tell: () => undefined })
  } catch (error) {
    return at('configuration', problemsOf(error))
  }
  const { config, warnings } = loaded
  const uncertified = problemsIn(() => checkCertificates(config))
  const misplaced = problemsIn(() => rehearseDataDirectory(config))
  const found = [
    ...at('configuration', [...warnings.map((text) => warning(text, 'See docs/reference/configuration.md.'))]),
    ...at('configuration', examineSettings(config)),
    ...at('proxies', await examineForwarding(config)),
    ...at('machine', misplaced.length > 0 ? misplaced : await examineMachine(config)),
    ...at('certificates', uncertified),
    ...at('mail', await examineMail(config)),
    ...at('redis', await examineRedis(config)),
  ]
  if (misplaced.length > 0 && config.embedded) return found
  // Without the authority that its URL names nobody speaks to the database.
  if (uncertified.some(({ says }) => says.startsWith('NTT_AUTH_DATABASE_URL'))) return found
  return [...found, ...(await examineStore(config, at))]
}

type At = (about: string, findings: Finding[]) => Placed[]

/** Nothing is made here that a first start would make: no file of a database, no master key. */
async function examineStore(config: Config, at: At): Promise<Placed[]> {
  const address = parseDatabaseUrl(config.databaseUrl)
  if (address.embedded && !existsSync(address.path)) {
    return at('database', [warning(`There is no database at ${address.path} yet.`, 'The first start makes it.')])
  }
  let masterKeys: Buffer[]
  try {
    const kept = config.masterKeys ?? [readMasterKey(masterKeyFile(config.dataDir))]
    masterKeys = kept.filter((key) => key !== null)
  } catch (error) {
    return at('master key', problemsOf(error))
  }
  const { databaseUrl: url, databaseTimeout: timeout } = config
  let database: Database
  try {
    database = await openDatabase({ url, timeout, poolSize: 1 })
  } catch (error) {
    return at('database', problemsOf(explainPlace(error, config)))
  }
  try {
    const store = { config, masterKeys, database, clock: systemClock }
    return [
      ...at('database', await examineDatabase(store)),
      ...at('keys', await examineKeys(store)),
      ...at('outbox', await examineOutbox(store)),
    ]
  } finally {
    await database.close()
  }
}

function problemsIn(check: () => void): Finding[] {
  try {
    check()
    return []
  } catch (error) {
    return problemsOf(error)
  }
}

function problemsOf(error: unknown): Finding[] {
  if (!(error instanceof ConfigError)) throw error
  return error.problems.map(({ name, problem: what, remedy }) => problem(`${name}: ${what}`, remedy))
}

async function examineDatabase({ config, database, clock }: Store): Promise<Finding[]> {
  try {
    await database.ping()
  } catch (error) {
    const remedy =
      mendCertificate(error, 'NTT_AUTH_DATABASE_URL') ??
      'Check NTT_AUTH_DATABASE_URL, and that the database runs and can be reached from here.'
    return [problem(`The database does not answer: ${(error as Error).message}`, remedy)]
  }
  const findings = await database.dialect.examine(database.db, config.databasePoolSize)
  const schema = await checkSchema(database)
  if (schema === 'current') findings.push(fine('The schema is current.'))
  if (schema === 'pending') findings.push(problem('The schema is behind this version.', 'Run: ntt-auth migrate up'))
  if (schema === 'newer') {
    findings.push(problem('The schema is newer than this version.', 'Run the version that made it, or a later one.'))
  }
  const skew = await clockSkew(database, clock)
  if (skew !== null) findings.push(judgeClock(skew))
  return findings
}

/** @param skew by how much the database's clock is ahead, in milliseconds */
export function judgeClock(skew: number): Finding {
  const seconds = Math.abs(skew) / 1000
  const says = `The clocks of the database and this machine differ by ${seconds.toFixed(1)} s.`
  const remedy = 'Let both follow the same time servers (NTP): tokens and leases of all nodes go by their clocks.'
  if (seconds >= 15) return problem(says, remedy)
  return seconds >= 2 ? warning(says, remedy) : fine(says)
}
