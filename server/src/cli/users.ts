import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { listUsers } from '../domain/users/list.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from '../flows/acting.ts'
import { createUserFor } from '../flows/create-user.ts'
import { disableUser, enableUser } from '../flows/disable-user.ts'
import { locksOf } from '../flows/locks-of.ts'
import { logoutUser } from '../flows/logout-user.ts'
import { unlockUser } from '../flows/unlock-user.ts'
import { createUserRoute, listUsersRoute } from '../http/routes/admin-users.ts'
import { readTime as readQueryTime, readUserCursor, writeUserCursor } from '../http/user-pages.ts'
import { validatorOf } from '../http/validation.ts'
import { adminUserView, emailFrom, linkView } from '../http/views.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { findUserBy } from './find-user.ts'
import { invitationText } from './invitation.ts'
import { settingFlags } from './load-config.ts'
import { readPassword } from './read-password.ts'
import { readTime, timeForms } from './read-time.ts'
import { UsageError } from './usage-error.ts'
import { exportToFile } from './users/export.ts'
import { importFile } from './users/import.ts'
import { withApp } from './with-app.ts'

/** Whoever knows of more exit codes than 0 answers with one. */
type Action = {
  takes: 'ID_OR_ADDRESS' | 'FILE' | null
  run(app: App, invocation: Invocation, argument: string): Promise<unknown>
}

const actions: Record<string, Action> = {
  list: { takes: null, run: list },
  show: {
    takes: 'ID_OR_ADDRESS',
    run: async (app, invocation, text) => show(app, invocation, await findUserBy(app, text)),
  },
  create: { takes: null, run: create },
  disable: changing('disabled', (app, user) => disableUser(app, operatorAct, user.id)),
  enable: changing('enabled', (app, user) => enableUser(app, operatorAct, user.id)),
  unlock: changing('unlocked', (app, user) => unlockUser(app, operatorAct, user.id)),
  logout: changing('logged out everywhere', (app, user) => logoutUser(app, operatorAct, user.id)),
  import: { takes: 'FILE', run: importFile },
  export: { takes: null, run: exportToFile },
}

export const command: Command = {
  summary: 'look after users',
  help: `ntt-auth users list [--q WORDS] [--status S] [--role R] [--created-after TIME] [--created-before TIME]
                    [--sort=created_at|-created_at|email] [--limit N] [--cursor C] [--all] [--json]
ntt-auth users show USER [--json]
ntt-auth users create --email ADDRESS [--password-stdin | --link] [--name NAME] [--locale L] [--roles LIST] [--json]
ntt-auth users disable|enable|unlock|logout USER [--json]
ntt-auth users import FILE|- [--format ndjson|csv] [--dry-run] [--on-conflict skip|fail] [--report FILE] [--json]
ntt-auth users export --to FILE|- [--format ndjson|csv] [--with-password-hashes]

USER is an id or an e-mail address. Works on the database by itself: no server needs to run, and one may.

list     shows users, one a line: id, status, address, name, roles; the newest first unless told. A page may be short
         though more follow: then it says by which --cursor to go on
show     shows one user, also whether wrong passwords have locked it, and until when
create   makes a user. The password is asked for, or read with --password-stdin, or chosen by the owner with --link. An
         administrator is made by "ntt-auth create-admin"
disable  closes an account: its sessions end, and nobody logs in
enable   opens it again
unlock   forgets wrong passwords, so that the next login does not have to wait
logout   ends every session of the user, with the reason "admin"
import   reads users from a file, one a row, with password hashes of many systems; docs/moving.md has the fields and a
         recipe for each system. A run that was cut off is simply run again: whoever is there already is skipped
export   writes every user as "import" reads it, in the order of creation

  --q WORDS           list: users whose address, or a word of whose name, begins with each of these
  --status S          list: only active, pending or disabled ones
  --role R            list: only those with this role
  --created-after TIME, --created-before TIME
                      list: made at or after, before: 2026-11-23, 2026-11-23T10:00:00Z, or 2h or 7d for so long ago
  --sort=ORDER        list: created_at, -created_at (the newest first) or email
  --limit N           list: how many a page, 1 to 200; 50 unless told
  --cursor C          list: where the page before ended
  --all               list: every page, one user a line
  --email ADDRESS     create: whose account
  --name NAME, --locale L, --roles LIST
                      create: the name; the language, as in en or pt-BR; the roles, separated by commas
  --password-stdin    create: read the password from standard input
  --link              create: print a one-time link by which the owner chooses the password
  --format F          import, export: ndjson or csv, where the ending of the file (.ndjson, .jsonl, .csv) does not tell
  --dry-run           import: judge every row and change nothing
  --on-conflict WHAT  import: rows whose address is taken are skipped (skip), or count as failed (fail)
  --report FILE       import: what became of each row, one JSON object a line, behind what the file holds already
  --to FILE|-         export: the file to write to, which must not exist, or - for standard output
  --with-password-hashes
                      export: the password hashes too; keep such a file as you would keep the database
  --json              print an object; with --all an object a line
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 1 refused, e.g. for the last administrator, or rows of an import failed; 5 there is no such user; 64 the
command line is wrong.

Examples:
  ntt-auth users list --q ada --status active
  ntt-auth users list --created-after 7d --sort=email
  ntt-auth users list --all --json > users.ndjson
  ntt-auth users create --email ada@example.com --link
  ntt-auth users create --email ada@example.com --roles editor,billing --password-stdin < password.txt
  ntt-auth users disable ada@example.com
  ntt-auth users import users.csv --dry-run --report report.ndjson
  ntt-auth users export --to users.ndjson --with-password-hashes`,
  options: {
    ...settingFlags,
    q: { type: 'string' },
    status: { type: 'string' },
    role: { type: 'string' },
    'created-after': { type: 'string' },
    'created-before': { type: 'string' },
    sort: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
    all: { type: 'boolean' },
    email: { type: 'string' },
    name: { type: 'string' },
    locale: { type: 'string' },
    roles: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    link: { type: 'boolean' },
    json: { type: 'boolean' },
    format: { type: 'string' },
    'dry-run': { type: 'boolean' },
    'on-conflict': { type: 'string' },
    report: { type: 'string' },
    to: { type: 'string' },
    'with-password-hashes': { type: 'boolean' },
  },
  async run(invocation) {
    const [name = '', ...rest] = invocation.arguments
    const action = Object.hasOwn(actions, name) ? actions[name]! : undefined
    if (!action) throw new UsageError(`Call it as "ntt-auth users ${Object.keys(actions).join('|')}".`)
    if (rest.length !== (action.takes === null ? 0 : 1)) {
      throw new UsageError(
        action.takes === null
          ? `"users ${name}" takes options only.`
          : `Say ${action.takes === 'FILE' ? 'from where' : 'whom, by id or address'}: "ntt-auth users ${name} ${action.takes}".`,
      )
    }
    refuseForeignOptions(invocation, name)
    return withApp(invocation, async (app) => {
      const code = await action.run(app, invocation, rest[0]!)
      return typeof code === 'number' ? code : exitCodes.ok
    })
  },
}

const ofImport = ['dry-run', 'on-conflict', 'report']
const ofExport = ['to', 'with-password-hashes']
const ofList = ['q', 'status', 'role', 'created-after', 'created-before', 'sort', 'limit', 'cursor', 'all']
const ofCreate = ['email', 'name', 'locale', 'roles', 'password-stdin', 'link']

/** An option that would be ignored is a misunderstanding. */
function refuseForeignOptions({ options }: Invocation, action: string): void {
  for (const [owner, names] of [
    ['list', ofList],
    ['create', ofCreate],
    ['import', ofImport],
    ['export', ofExport],
  ] as const) {
    const foreign = owner === action ? undefined : names.find((name) => options[name] !== undefined)
    if (foreign !== undefined) throw new UsageError(`--${foreign} belongs to "users ${owner}".`)
  }
  if (options.format !== undefined && action !== 'import' && action !== 'export') {
    throw new UsageError('--format belongs to "users import" and "users export".')
  }
  if (options.json && action === 'export') throw new UsageError('"users export" has --format ndjson.')
  if (options.link && options['password-stdin']) throw new UsageError('Either --link or --password-stdin.')
  if (options.all && (options.limit ?? options.cursor) !== undefined) {
    throw new UsageError('--all shows every page; leave --limit and --cursor out.')
  }
}

function changing(done: string, change: (app: App, user: User) => Promise<void>): Action {
  return {
    takes: 'ID_OR_ADDRESS',
    async run(app, invocation, text) {
      const user = await findUserBy(app, text)
      await change(app, user)
      if (invocation.options.json) await show(app, invocation, await findUserBy(app, user.id))
      else invocation.print(`${user.email} is ${done} (${user.id}).`)
    },
  }
}

async function show(app: App, { options, print }: Invocation, user: User): Promise<void> {
  const view = adminUserView(user, (await locksOf(app, [user]))(user))
  if (options.json) print(JSON.stringify(view, null, 2))
  else for (const [key, value] of Object.entries(view)) print(`${key.padEnd(15)}  ${textOf(value)}`)
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ') || '–'
  return value === null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const lineOf = (user: User) =>
  `${user.id}  ${user.status.padEnd(8)}  ${user.email}  ${user.name ?? '–'}  ${user.roles.join(',')}`.trimEnd()

// Whatever is given is held to the rules of the routes.
const checkList = validatorOf(listUsersRoute.query!, 'query')
const checkCreate = validatorOf(createUserRoute.body!, 'body')

async function list(app: App, { options, print, tell }: Invocation): Promise<void> {
  const given: Record<string, unknown> = {}
  for (const name of ofList) {
    if (name !== 'all' && options[name] !== undefined) given[name.replace('-', '_')] = options[name]
  }
  for (const name of ['created_after', 'created_before']) {
    if (typeof given[name] === 'string') given[name] = timeOf(name.replace('_', '-'), given[name])
  }
  checkList(given)
  const query = given as { q?: string; status?: User['status']; role?: string; limit?: number; cursor?: string } & {
    sort?: 'created_at' | '-created_at' | 'email'
    created_after?: string
    created_before?: string
  }
  const order = query.sort ?? '-created_at'
  const filter = {
    search: query.q,
    status: query.status,
    role: query.role,
    createdAfter: readQueryTime('created_after', query.created_after),
    createdBefore: readQueryTime('created_before', query.created_before),
  }
  const limit = query.limit ?? (options.all ? 200 : 50)
  let after = readUserCursor(order, query.cursor)
  let [count, told] = [0, performance.now()]
  for (;;) {
    const { users, next } = await listUsers(app.database.db, filter, order, limit, after)
    const lockOf = options.json ? await locksOf(app, users) : () => null
    const viewOf = (user: User) => adminUserView(user, lockOf(user))
    if (options.all) for (const user of users) print(options.json ? JSON.stringify(viewOf(user)) : lineOf(user))
    else {
      const next_cursor = writeUserCursor(order, next)
      if (options.json) print(JSON.stringify({ items: users.map(viewOf), next_cursor }, null, 2))
      else for (const user of users) print(lineOf(user))
      if (!options.json && next_cursor !== null) tell(`More: --cursor ${next_cursor}`)
    }
    count += users.length
    if (!options.all || next === null) return
    after = next
    if (performance.now() - told < 1000) continue
    told = performance.now()
    tell(`${count} users so far`)
  }
}

/** Written as the route reads it. */
function timeOf(option: string, text: string): string {
  const time = readTime(text)
  if (time !== null) return toRfc3339(time)
  throw new AppError('validation_failed', { detail: `--${option}: ${text} is no time. Use ${timeForms}.` })
}

async function create(app: App, invocation: Invocation): Promise<void> {
  const { options, print } = invocation
  const { email, name, locale, roles } = options as Record<string, string | undefined>
  if (email === undefined) throw new UsageError('Say for whom: "ntt-auth users create --email you@example.com".')
  const given = {
    email,
    ...(name !== undefined && { name }),
    ...(locale !== undefined && { locale }),
    ...(roles !== undefined && { roles: roles.split(',').filter((role) => role !== '') }),
  }
  checkCreate(given)
  const address = emailFrom(email)
  const password = options.link ? null : await readPassword(invocation, address)
  const wanted = { email: address, name: name ?? null, locale: locale ?? null, roles: given.roles ?? [] }
  const { user, invitation } = await createUserFor(app, operatorAct, wanted, password)
  if (options.json) {
    const view = adminUserView(user, (await locksOf(app, [user]))(user))
    print(JSON.stringify({ ...view, invitation: invitation && linkView(invitation) }, null, 2))
    return
  }
  print(`${user.email} is ${user.status} (${user.id}).`)
  if (invitation) print(invitationText(invitation))
}
