import { existsSync, realpathSync, statSync } from 'node:fs'
import { type App, createApp } from '../app.ts'
import { systemClock, toRfc3339 } from '../clock.ts'
import { checkpointFile, holdsCheckpoints } from '../domain/audit/checkpoint-file.ts'
import { checkpointKeys } from '../domain/audit/checkpoint-keys.ts'
import { auditEventNames } from '../domain/audit/events.ts'
import { type AuditFilter, type AuditLine, type AuditPlace, type Found, searchLines } from '../domain/audit/search.ts'
import { type Verdict, verifyLog } from '../domain/audit/verify.ts'
import { normaliseEmail } from '../domain/users/email.ts'
import { findUserIdByEmail } from '../domain/users/store.ts'
import { AppError } from '../errors.ts'
import { createLog } from '../log.ts'
import { isId } from '../random.ts'
import { bringSchema } from '../start.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { openOutput } from './open-output.ts'
import { readTime, timeForms } from './read-time.ts'
import { refuseUnreadable } from './readable-file.ts'
import { tellOfNew } from './tell-of-new.ts'
import { UsageError } from './usage-error.ts'

export const command: Command = {
  summary: 'verify, search or export the audit log',
  help: `ntt-auth audit verify [--checkpoints FILE ...] [--json]
ntt-auth audit search [--user ID|EMAIL] [--actor ID] [--event NAME] [--since TIME] [--until TIME] [--limit N] [--json]
ntt-auth audit export --to FILE|- [--user ID|EMAIL] [--actor ID] [--event NAME] [--since TIME] [--until TIME]

Who did what to whom, when and from where. Works on the database by itself: no server needs to run, and one may.

verify  reads the whole log and says whether it is what was written; if not, which lines were edited, deleted, moved or
        cut off
search  prints lines, newest first
export  writes lines as JSON, one a line (NDJSON), oldest first, with the hashes that prove them

  --checkpoints FILE  a copy of the checkpoints kept elsewhere, such as audit-checkpoints.ndjson from the data directory
                      of any node. The one in this data directory is read unasked; without any, a log that was put
                      back together with its checkpoints looks whole. May be given several times
  --user ID|EMAIL     lines that concern this user; of a former address, or a deleted user, give the id
  --actor ID          lines about what this user or service did; what was done by this command line has no such id
  --event NAME        lines of this event; docs/reference/audit-events.md lists them
  --since TIME        from this time on: 2026-11-23, 2026-11-23T10:00:00Z, or 2h or 7d for so long ago
  --until TIME        before this time, written alike
  --limit N           how many lines search prints at most, 1 to 10000; 100 unless told
  --to FILE|-         the file to export to, which must not exist, or - for standard output
  --json              print an object (verify), or a JSON object a line (search)
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done, and for verify: the log is what was written; 6 it was altered; 7 nothing shows that it was, but some
checkpoints cannot be judged, because a former master key was not given; 5 nobody has that
address; 64 the command line is wrong.

Examples:
  ntt-auth audit verify --checkpoints /mnt/offsite/audit-checkpoints.ndjson
  ntt-auth audit search --user 01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d --since 7d
  ntt-auth audit search --event login_failed --since 2h --json
  ntt-auth audit export --to - --since 2026-11-01 | gzip > november.ndjson.gz`,
  options: {
    ...settingFlags,
    checkpoints: { type: 'string', multiple: true },
    user: { type: 'string' },
    actor: { type: 'string' },
    event: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    limit: { type: 'string' },
    to: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(invocation) {
    const run = await readAction(invocation)
    const config = configFrom(invocation)
    tellOfNew(config, invocation.tell)
    const app = await createApp(config, createLog('error'), systemClock)
    try {
      await bringSchema(app)
      return await run(app)
    } finally {
      await app.close()
    }
  },
}

type Run = (app: App) => Promise<number>

const optionsOf: Record<string, string[]> = {
  verify: ['checkpoints', 'json'],
  search: ['user', 'actor', 'event', 'since', 'until', 'limit', 'json'],
  export: ['user', 'actor', 'event', 'since', 'until', 'to'],
}

async function readAction(invocation: Invocation): Promise<Run> {
  const {
    arguments: [action = '', ...rest],
    options,
  } = invocation
  if (!Object.hasOwn(optionsOf, action) || rest.length > 0) {
    throw new UsageError('Call it as "ntt-auth audit verify", "search" or "export --to FILE".')
  }
  for (const name of new Set(Object.values(optionsOf).flat())) {
    if (options[name] !== undefined && !optionsOf[action]!.includes(name)) {
      throw new UsageError(`--${name} does not belong to "audit ${action}". See "ntt-auth audit --help".`)
    }
  }
  if (action === 'verify') {
    const copies = (options.checkpoints ?? []) as string[]
    for (const path of copies) await refuseStrange(path)
    return (app) => verify(app, invocation, copies)
  }
  const filter = readFilter(invocation)
  const found = (app: App) => withUserId(app, filter)
  if (action === 'search') {
    const limit = readLimit(invocation)
    return async (app) => search(app, invocation, await found(app), limit)
  }
  const { to } = options
  if (typeof to !== 'string' || to === '')
    throw new UsageError('Say where to: ntt-auth audit export --to FILE, or --to -.')
  return async (app) => exportLines(app, invocation, await found(app), to)
}

/** A file that says nothing of any checkpoint would prove nothing, and look as if it did. */
async function refuseStrange(path: string): Promise<void> {
  refuseUnreadable(path)
  // A pipe can be read once only, and its end is not known.
  if (!statSync(path).isFile())
    throw new UsageError(`${path} is no plain file. Save the copy to a file, and name that.`)
  if (await holdsCheckpoints(path)) return
  throw new UsageError(
    `There is no checkpoint in ${path}. Name a copy of audit-checkpoints.ndjson from the data directory of a node.`,
  )
}

async function verify(app: App, { options, print, tell }: Invocation, named: string[]): Promise<number> {
  const copies = await withOwnCopy(named, checkpointFile(app.config.dataDir))
  const verdict = await verifyLog(app.database.db, { keys: checkpointKeys(app.masterKeys), copies, tell })
  if (options.json) print(JSON.stringify({ ...verdict, copies }, null, 2))
  else for (const line of asLines(verdict, copies)) print(line)
  if (verdict.ok) return exitCodes.ok
  return lacksOnlyKeys(verdict) ? exitCodes.notJudged : exitCodes.altered
}

/** The copy in the data directory counts unasked, where there is one that says anything. */
async function withOwnCopy(named: string[], own: string): Promise<string[]> {
  if (!existsSync(own) || named.some((path) => realpathSync(path) === realpathSync(own))) return named
  refuseUnreadable(own)
  return (await holdsCheckpoints(own)) ? [...named, own] : named
}

function lacksOnlyKeys({ findings }: Verdict): boolean {
  return findings.every(({ kind }) => kind === 'unknown_key')
}

function asLines(verdict: Verdict, copies: string[]): string[] {
  const { findings, lines, chains, checkpoints, begins_at, removed_chains, last_checkpoint, uncovered_lines } = verdict
  return [
    `${lines} lines in ${chains} chains, ${checkpoints} checkpoints.`,
    copies.length > 0
      ? `Compared with ${copies.join(', ')}.`
      : 'No copy of the checkpoints was there to compare with: a log that was put back with its checkpoints looks whole.',
    begins_at === null ? 'The log is empty.' : `The log begins at ${begins_at}.`,
    ...(removed_chains > 0 ? [`${removed_chains} older chains were removed by the retention, as was signed.`] : []),
    last_checkpoint === null
      ? `There is no checkpoint${checkpoints > 0 ? ' that counts.' : ' yet.'}`
      : `The last checkpoint is number ${last_checkpoint.number} of ${last_checkpoint.at}; ${uncovered_lines} lines are newer.`,
    ...findings.map(({ kind, sentence }) => `${kind.toUpperCase().replace('_', ' ')}: ${sentence}`),
    verdict.ok ? whole(verdict) : wrong(verdict),
  ]
}

function wrong(verdict: Verdict): string {
  if (!lacksOnlyKeys(verdict)) return 'The log is NOT what was written.'
  return 'Nothing else was found. Whether the log is what was written cannot be said without that key.'
}

function whole({ last_checkpoint, lines }: Verdict): string {
  if (last_checkpoint !== null || lines === 0) return 'The log is what was written.'
  return 'The lines fit each other, but nothing was signed about them: more cannot be said.'
}

async function search(app: App, { options, print }: Invocation, filter: AuditFilter, limit: number): Promise<number> {
  let left = limit
  for await (const page of pages(app, filter, 'newest', limit)) {
    for (const { line } of page.slice(0, left)) print(options.json ? JSON.stringify(asJson(line)) : asText(line))
    left -= page.length
    if (left <= 0) break
  }
  return exitCodes.ok
}

async function exportLines(app: App, invocation: Invocation, filter: AuditFilter, to: string): Promise<number> {
  const { tell } = invocation
  const out = await openOutput(invocation, to)
  let count = 0
  for await (const page of pages(app, filter, 'oldest', pageSize)) {
    await out.write(page.map(({ line, row }) => JSON.stringify({ ...asJson(line), ...proofOf(row) })).join('\n'))
    count += page.length
    if (count % 100_000 < page.length) tell(`${count} lines exported`)
  }
  await out.close()
  tell(`${count} lines exported to ${to === '-' ? 'standard output' : to}.`)
  return exitCodes.ok
}

const pageSize = 500

async function* pages(app: App, filter: AuditFilter, order: 'newest' | 'oldest', most: number) {
  const size = Math.min(most, pageSize)
  for (let from: AuditPlace | undefined; ; ) {
    const page: Found[] = await searchLines(app.database.db, filter, order, size, from)
    if (page.length > 0) yield page
    if (page.length < size) return
    from = page.at(-1)!.row
  }
}

function asJson({ at, userId, requestId, ...line }: AuditLine) {
  return { at: toRfc3339(at), ...line, user_id: userId, request_id: requestId }
}

function proofOf(row: Found['row']) {
  const text = (bytes: Buffer | null) => bytes?.toString('base64url') ?? null
  return {
    sealed: { details: row.details, actor: text(row.actor_sealed), user: text(row.user_sealed) },
    prev_hash: text(row.prev_hash),
    hash: text(row.hash),
  }
}

function asText({ at, event, actor, subject, userId, reason, details, ip, personal, erased }: AuditLine): string {
  const more: Record<string, unknown> = {
    reason,
    user: subject?.kind === 'user' ? null : userId,
    ip,
    ...details,
    ...personal,
  }
  const shown = Object.entries(more).filter(([, value]) => value !== null)
  return [
    toRfc3339(at),
    event,
    `by ${actor.kind}${actor.id === null ? '' : ` ${actor.id}`}`,
    ...(subject ? [`on ${subject.kind} ${subject.id}`] : []),
    ...shown.map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...(erased ? ['(personal data erased)'] : []),
  ].join('  ')
}

function readFilter({ options }: Invocation): AuditFilter {
  const { user, actor, event, since, until } = options as Record<string, string | undefined>
  if (event !== undefined && !(auditEventNames as string[]).includes(event)) {
    throw new UsageError(`There is no event "${event}"; there are: ${auditEventNames.join(', ')}.`)
  }
  const [from, to] = [timeOf('since', since), timeOf('until', until)]
  if (from !== undefined && to !== undefined && to <= from) {
    throw new UsageError(`--until ${until} is not after --since ${since}: no line can lie between.`)
  }
  if (user !== undefined && !isId(user) && normaliseEmail(user) === null) {
    throw new UsageError(`--user ${user.slice(0, 254)} is neither the id of a user nor an e-mail address.`)
  }
  return { user, actor, event, since: from, until: to }
}

/** An address stands for the user who has it now. @throws AppError `not_found` */
async function withUserId(app: App, filter: AuditFilter): Promise<AuditFilter> {
  const { user } = filter
  // Lines outlive users, so that an id needs no user.
  if (user === undefined || isId(user)) return filter
  const email = normaliseEmail(user)
  const id = email === null ? undefined : await findUserIdByEmail(app.database.db, email)
  if (id !== undefined) return { ...filter, user: id }
  const detail = `No user has the address ${user.slice(0, 254)} now. Of a former address, or a deleted user, give the id.`
  throw new AppError('not_found', { detail })
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const time = readTime(text)
  if (time === null) throw new UsageError(`--${option} ${text} is no time. Use ${timeForms}.`)
  return time
}

function readLimit({ options }: Invocation): number {
  const text = (options.limit ?? '100') as string
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 10_000) throw new UsageError('--limit is a number from 1 to 10000.')
  return limit
}
