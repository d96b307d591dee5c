import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { findMail, listMail, type OutboxRow } from '../domain/outbox/store.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from '../flows/acting.ts'
import { discardMail, holdMail, releaseMail } from '../flows/hold-mail.ts'
import { openMail, renderMail } from '../flows/queue-mail.ts'
import { retryMail } from '../flows/retry-mail.ts'
import { isId } from '../random.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { settingFlags } from './load-config.ts'
import { readTime, timeForms } from './read-time.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

const most = 200
const states = ['waiting', 'held', 'sent', 'failed'] as const

export const command: Command = {
  summary: 'look at mail that waits, was sent or was given up',
  help: `ntt-auth outbox [list] [--state waiting|held|sent|failed] [--json]
ntt-auth outbox show MAIL_ID [--json]
ntt-auth outbox retry MAIL_ID [--json]
ntt-auth outbox hold|release [MAIL_ID | --before TIME] [--json]
ntt-auth outbox discard MAIL_ID|--before TIME|--all --yes [--json]

Works on the database by itself: no server needs to run, and one may. Without NTT_AUTH_SMTP_URL this is where mail
is found.

list     shows the newest ${most} mails, and the links of those that wait
show     shows one mail whole, as long as it waits: once it was sent, what it said is deleted
retry    lets a mail that was given up be tried again, as long as it is of use and its link was neither used nor replaced
hold     keeps mail that waits from being sent, all of it unless told which; mail that is written later is sent
release  sends what was held, where it is still of use
discard  lets mail that waits or is held never be sent, and deletes what it says

After a backup was restored, "hold" before the first server starts: what waited then may have been sent long ago.

Links are secrets of the person the mail is for; they are shown here and nowhere else.

  --state S           list: only mail in that state
  --before TIME       hold, release, discard: mail that was written before 2026-11-23, 2026-11-23T10:00:00Z, or 2h or 7d
                      ago
  --all               discard: whatever is not sent yet
  --yes               yes, discard
  --json              print an object, or a list of them
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 5 there is no such mail; 64 the command line is wrong.

Examples:
  ntt-auth outbox
  ntt-auth outbox list --state failed --json
  ntt-auth outbox hold
  ntt-auth outbox discard --before 2026-11-23T10:00:00Z --yes
  ntt-auth outbox show 01934d2e-5c01-7b11-8e22-6d5c4b3a2918`,
  options: {
    ...settingFlags,
    json: { type: 'boolean' },
    state: { type: 'string' },
    before: { type: 'string' },
    all: { type: 'boolean' },
    yes: { type: 'boolean' },
  },
  async run(invocation) {
    const [action = 'list', id, ...rest] = invocation.arguments
    if (!Object.hasOwn(takes, action) || rest.length > 0) throw new UsageError(usage)
    const wanted = takes[action as Action]
    if ((wanted === 'one' && id === undefined) || (wanted === 'none' && id !== undefined)) throw new UsageError(usage)
    refuseForeignOptions(invocation, action as Action, id)
    return withApp(invocation, async (app) => {
      if (action === 'list') await list(app, invocation)
      else if (wanted === 'some') await decide(app, invocation, action as keyof typeof decisions, id)
      else await (action === 'show' ? show : retry)(app, invocation, await find(app, id!))
      return exitCodes.ok
    })
  },
}

/** How many mails an action is about, by their ids. */
const takes = { list: 'none', show: 'one', retry: 'one', hold: 'some', release: 'some', discard: 'some' } as const
type Action = keyof typeof takes

const usage =
  'Call it as "ntt-auth outbox list", "… show MAIL_ID", "… retry MAIL_ID", "… hold", "… release" or "… discard".'

/** An option that would be ignored is a misunderstanding. */
function refuseForeignOptions({ options }: Invocation, action: Action, id: string | undefined): void {
  const { state, before, all, yes } = options
  if (state !== undefined && (action !== 'list' || !states.includes(state as OutboxRow['state']))) {
    throw new UsageError(`--state takes one of ${states.join(', ')}, and only with "list".`)
  }
  if (before !== undefined && takes[action] !== 'some') {
    throw new UsageError('--before belongs to "outbox hold", "release" and "discard".')
  }
  if ((all || yes) && action !== 'discard') throw new UsageError('--all and --yes belong to "outbox discard".')
  if ([id, before, all].filter((each) => each !== undefined).length > 1) {
    throw new UsageError('Either one mail by its id, or --before, or all.')
  }
  if (action !== 'discard') return
  if (id === undefined && before === undefined && !all) {
    throw new UsageError('Say which mail to discard: MAIL_ID, --before TIME, or --all.')
  }
  if (!yes) throw new UsageError('Nobody would ever get this mail. Add --yes if that is what you want.')
}

const decisions = {
  hold: { decide: holdMail, done: 'held', from: 'waits' },
  release: { decide: releaseMail, done: 'released', from: 'is held' },
  discard: { decide: discardMail, done: 'discarded', from: 'waits or is held' },
}

async function decide(
  app: App,
  { options, print }: Invocation,
  action: keyof typeof decisions,
  id: string | undefined,
): Promise<void> {
  const before = options.before === undefined ? undefined : timeOf(options.before as string)
  if (id !== undefined) await find(app, id)
  const { decide, done, from } = decisions[action]
  const count = await decide(app, operatorAct, {
    ...(id !== undefined && { id }),
    ...(before !== undefined && { before }),
  })
  if (id !== undefined && count === 0) {
    throw new AppError('validation_failed', { detail: `Only mail that ${from} can be ${done}.` })
  }
  print(options.json ? JSON.stringify({ [done]: count }, null, 2) : `${count} mails ${done}.`)
}

function timeOf(text: string): number {
  const time = readTime(text)
  if (time === null) throw new UsageError(`--before ${text} is no time. Use ${timeForms}.`)
  return time
}

async function list(app: App, { options, print }: Invocation): Promise<void> {
  const rows = await listMail(app.database.db, options.state as OutboxRow['state'] | undefined, most)
  const views = rows.map((row) => viewOf(app, row))
  if (options.json) return print(JSON.stringify(views, null, 2))
  for (const { id, state, created_at, template, to, link, last_error } of views) {
    print(
      [id, state.padEnd(7), created_at, template, to, link ?? last_error].filter((part) => part !== null).join('  '),
    )
  }
}

async function show(app: App, { options, print }: Invocation, row: OutboxRow): Promise<void> {
  const view = viewOf(app, row)
  const mail = row.state === 'sent' ? null : renderMail(app, row)
  if (options.json) return print(JSON.stringify({ ...view, mail }, null, 2))
  for (const [name, value] of Object.entries(view)) print(`${name.padEnd(12)} ${value ?? '–'}`)
  print(mail ? `\nSubject: ${mail.subject}\n\n${mail.text}` : '\nWhat it said is deleted, or cannot be opened here.')
}

async function retry(app: App, { options, print }: Invocation, { id }: OutboxRow): Promise<void> {
  await retryMail(app, id)
  print(options.json ? JSON.stringify({ id, state: 'waiting' }, null, 2) : `The mail ${id} is tried again.`)
}

async function find(app: App, id: string): Promise<OutboxRow> {
  const row = isId(id) ? await findMail(app.database.db, id) : undefined
  if (!row) throw new AppError('not_found', { detail: `There is no mail ${id.slice(0, 64)}.` })
  return row
}

function viewOf(app: App, row: OutboxRow) {
  const time = (milliseconds: number | null) => (milliseconds === null ? null : toRfc3339(milliseconds))
  return {
    id: row.id,
    to: row.recipient,
    template: row.template,
    locale: row.locale,
    state: row.state,
    link: openMail(app, row)?.link ?? null,
    attempts: row.attempts,
    created_at: toRfc3339(row.created_at),
    next_try_at: row.state === 'waiting' ? toRfc3339(row.due_at) : null,
    expires_at: toRfc3339(row.expires_at),
    finished_at: time(row.finished_at),
    last_error: row.last_error,
  }
}
