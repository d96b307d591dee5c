import type { App } from '../app.ts'
import { sweep } from '../chores/sweep.ts'
import { toRfc3339 } from '../clock.ts'
import { lastChoreRun } from '../database/chore-runs.ts'
import { countDue, type SweptTable, sweptTables } from '../flows/sweep.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

/** Rows counted of a table; counting millions would read them all. */
const most = 10_000
/** Milliseconds between two lines of progress about one table. */
const between = 1000

export const command: Command = {
  summary: 'remove what is over and done with now, or see what is due',
  help: `ntt-auth cleanup status [--json]
ntt-auth cleanup run [--json]

Removes rows that nobody needs any more: sessions a day after their longest life, lapsed
revocations, used links, old mail, secrets and keys. Every server does this by itself, one at a
time, as often as NTT_AUTH_CLEANUP_INTERVAL says; this is for a look, and for a schedule of one's
own. Works on the database by itself: no server needs to run, and one may.

status  says when a cleanup was last done to its end, by whoever, and how many rows are due;
        nothing is removed
run     removes what is due in small batches, with pauses in which others work; progress goes to
        standard error. Interrupted, it has done what it said, and another may go on within 30 s

  --json              print one object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 1 another process is at it; 64 the command line is wrong.

Examples:
  ntt-auth cleanup status
  ntt-auth cleanup run
  ntt-auth cleanup run --json`,
  options: { ...settingFlags, json: { type: 'boolean' } },
  async run(invocation) {
    const [action, ...rest] = invocation.arguments
    if ((action !== 'run' && action !== 'status') || rest.length > 0) {
      throw new UsageError('Call it as "ntt-auth cleanup status" or "ntt-auth cleanup run".')
    }
    return withApp(invocation, (app) => (action === 'run' ? run : status)(app, invocation))
  },
}

async function run(app: App, { options, print, tell }: Invocation): Promise<number> {
  const removed = Object.fromEntries(sweptTables.map((table) => [table, 0])) as Record<SweptTable, number>
  let told = performance.now()
  const ran = await sweep(app, {
    onBatch(table, rows, more) {
      removed[table] += rows
      if (removed[table] === 0 || (more && performance.now() - told < between)) return
      told = performance.now()
      tell(`${table}: ${removed[table]} removed${more ? ' so far' : ''}`)
    },
  })
  if (!ran) {
    tell('Another process is cleaning up right now; "ntt-auth cleanup status" tells when it is done.')
    return exitCodes.failed
  }
  const total = Object.values(removed).reduce((sum, rows) => sum + rows, 0)
  print(
    options.json ? JSON.stringify({ removed, total }, null, 2) : `Removed ${total} ${total === 1 ? 'row' : 'rows'}.`,
  )
  return exitCodes.ok
}

async function status(app: App, { options, print }: Invocation): Promise<number> {
  const last = await lastChoreRun(app.database, 'sweep')
  const tables = []
  for (const table of sweptTables) {
    const { rows, since } = await countDue(app, table, most)
    tables.push({ table, due: rows, due_or_more: rows === most, due_since: since === null ? null : toRfc3339(since) })
  }
  const last_run_at = last === null ? null : toRfc3339(last)
  if (options.json) {
    print(JSON.stringify({ last_run_at, tables }, null, 2))
    return exitCodes.ok
  }
  print(last_run_at === null ? 'No cleanup has been done yet.' : `The last cleanup was done at ${last_run_at}.`)
  for (const { table, due, due_or_more, due_since } of tables) {
    const what =
      due === 0 ? 'nothing is due' : `${due}${due_or_more ? ' or more' : ''} due, the oldest since ${due_since}`
    print(`${table.padEnd(16)} ${what}`)
  }
  return exitCodes.ok
}
