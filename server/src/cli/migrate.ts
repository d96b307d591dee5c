import { explainPlace } from '../config/data-directory.ts'
import { type Database, openDatabase } from '../database/connect.ts'
import {
  checkSchema,
  type MigrationStatus,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
} from '../database/migrate.ts'
import { migrations } from '../database/migrations.ts'
import { reachDatabase } from '../database/reach.ts'
import { maskDatabaseUrl } from '../database/url.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'

const actions = ['up', 'down', 'status', 'plan'] as const
type Action = (typeof actions)[number]

/** Building an index on a large table takes its time. */
const statementTimeout = 24 * 60 * 60 * 1000

export const command: Command = {
  summary: 'bring the database schema up to date, or look at it',
  help: `ntt-auth migrate up [--to NAME] [--json]
ntt-auth migrate down --to NAME --yes [--json]
ntt-auth migrate status [--json]
ntt-auth migrate plan [--json]

up      applies the migrations that are pending; safe to repeat, to break off and to start on several machines at once
down    takes back every migration after NAME and drops the data in it; "--to nothing" takes back all
status  says what is applied: exit 0 when the schema is current, 3 when migrations are pending, 4 when it is newer
        than this version
plan    prints the statements that "up" would run

upward steps on large tables take their time: "up" says on standard error what it is doing, and a run that was broken
off goes on where it stopped. Take a backup first.

  --to NAME           the last migration that is to be applied afterwards
  --yes               yes, drop the data
  --json              print an object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Examples:
  ntt-auth migrate up
  ntt-auth migrate status --json
  ntt-auth migrate down --to 0001-first-tables --yes`,
  options: { ...settingFlags, to: { type: 'string' }, yes: { type: 'boolean' }, json: { type: 'boolean' } },

  async run(invocation) {
    const action = readAction(invocation)
    const config = configFrom(invocation)
    invocation.tell(`Database: ${maskDatabaseUrl(config.databaseUrl)}`)
    const database = await openDatabase({
      url: config.databaseUrl,
      poolSize: 2,
      timeout: config.databaseTimeout,
      statementTimeout: action === 'up' || action === 'down' ? statementTimeout : config.databaseTimeout,
    }).catch((error) => {
      throw explainPlace(error, config)
    })
    try {
      await reachDatabase(database, config.databaseUrl)
      return await run(action, database, invocation)
    } finally {
      await database.close()
    }
  },
}

function readAction({ arguments: [action, ...rest], options: { to, yes } }: Invocation): Action {
  if (!isAction(action) || rest.length > 0) {
    throw new UsageError('Call it as "ntt-auth migrate up", "down", "status" or "plan".')
  }
  if (to !== undefined && action !== 'up' && action !== 'down') {
    throw new UsageError('--to belongs to "migrate up" and "migrate down".')
  }
  if (yes && action !== 'down') throw new UsageError('--yes belongs to "migrate down".')
  if (action === 'down' && to === undefined) {
    throw new UsageError('"migrate down" needs --to NAME, the last migration to keep, or --to nothing.')
  }
  if (action === 'down' && !yes) {
    throw new UsageError('"migrate down" drops tables with their data. Add --yes if that is what you want.')
  }
  if (typeof to === 'string' && !(to === 'nothing' && action === 'down')) refuseUnknownMigration(to)
  return action
}

function refuseUnknownMigration(name: string): void {
  const known = migrations.map((migration) => migration.name)
  if (!known.includes(name)) throw new UsageError(`There is no migration "${name}"; there are: ${known.join(', ')}.`)
}

function isAction(text: string | undefined): text is Action {
  return (actions as readonly (string | undefined)[]).includes(text)
}

async function run(action: Action, database: Database, { options, print, tell }: Invocation): Promise<number> {
  const to = options.to as string | undefined
  if (action === 'plan') {
    const plan = await migrationPlan(database)
    if (options.json) print(JSON.stringify(plan, null, 2))
    else for (const { migration, step, sql } of plan) print(`-- ${migration}, step ${step}\n${sql};\n`)
    return exitCodes.ok
  }
  if (action === 'up') await migrateUp(database, { tell, ...(to === undefined ? {} : { to }) })
  if (action === 'down') await migrateDown(database, { tell, to: to === 'nothing' ? null : to! })

  const state = await checkSchema(database)
  const status = await migrationStatus(database)
  if (options.json) print(JSON.stringify({ state, ...status }, null, 2))
  else for (const line of asLines(state, status)) print(line)
  return action === 'status' ? { current: exitCodes.ok, pending: exitCodes.pending, newer: exitCodes.newer }[state] : 0
}

function asLines(state: string, { applied, pending, unknown }: MigrationStatus): string[] {
  return [
    ...applied.map((name) => `applied  ${name}`),
    ...pending.map((name) => `pending  ${name}`),
    ...unknown.map((name) => `unknown  ${name}`),
    `The schema is ${state === 'newer' ? 'newer than this version' : state}.`,
  ]
}
