import type { App } from '../app.ts'
import { importLimits } from '../domain/passwords/formats/format.ts'
import { readHash } from '../domain/passwords/formats/read.ts'
import { insertPasswords } from '../domain/passwords/store.ts'
import { createUsers, type FormerUser } from '../domain/users/create.ts'
import { listUsersKnownBy } from '../domain/users/store.ts'
import { operatorAct } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { giveWay, isUnconfirmed } from './give-way.ts'
import { noteFormats } from './know-formats.ts'

/** One run of an import. */
export type ImportRun = {
  id: string
  /** Milliseconds since 1970. */
  startedAt: number
  /** Judges everything, and changes nothing. */
  isDryRun: boolean
  /** What becomes of a row whose address is taken already. */
  onConflict: 'skip' | 'fail'
}

export type ImportRow = { line: number; user: FormerUser; hash: string | null }

/** What became of a row; unless it was created, why, and how to mend it. */
export type Outcome = { line: number; email: string | null } & (
  | { outcome: 'created'; id: string }
  | { outcome: 'skipped' | 'failed'; code: string; detail: string }
)

const rounds = 5

/**
 * A portion of a file becomes users, all of it in one transaction: a run that is killed leaves whole portions behind, and
 * the next run finds them by their addresses.
 */
export async function importUsers(app: App, run: ImportRun, rows: ImportRow[]): Promise<Outcome[]> {
  for (let round = 1; ; round++) {
    try {
      return await attempt(app, run, rows)
    } catch (error) {
      // Somebody registered one of the addresses in between: the next look finds it.
      if (!app.database.dialect.isDuplicate(error) || round >= rounds) throw error
    }
  }
}

async function attempt(app: App, run: ImportRun, rows: ImportRow[]): Promise<Outcome[]> {
  const known = await listUsersKnownBy(
    app.database.db,
    rows.map(({ user }) => user.email),
    rows.map(({ user }) => user.id),
  )
  const unconfirmed = new Set(known.filter(isUnconfirmed).map(({ email }) => email))
  const judge = judgeOf(run, known)
  const outcomes = rows.map(judge)
  const fresh = rows.filter((_, place) => outcomes[place]!.outcome === 'created')
  if (run.isDryRun || fresh.length === 0) return outcomes

  const news = fresh.flatMap(({ hash }) => (hash === null ? [] : [hash]))
  await noteFormats(app, news)
  const now = app.clock.now()
  const ends = await inAuditedTransaction(app, operatorAct, async (tx, record) => {
    const ends = []
    for (const { user } of fresh) if (unconfirmed.has(user.email)) ends.push(await giveWay(app, tx, user.email, record))
    await createUsers(
      tx,
      fresh.map(({ user }) => user),
      now,
    )
    const hashes = fresh.flatMap(({ user, hash }) => (hash === null ? [] : [{ userId: user.id, hash }]))
    await insertPasswords(tx, hashes, now)
    const lines = { first_line: fresh[0]!.line, last_line: fresh.at(-1)!.line }
    record({ event: 'users_imported', details: { run: run.id, count: fresh.length, ...lines } })
    return ends
  })
  for (const end of ends) announceEnds(app, end)
  return outcomes
}

/**
 * Judges rows in their order. A user whom this run made itself was another row of the file; a registration that nobody
 * has confirmed is in nobody's way, but of a row that is none either.
 */
function judgeOf(run: ImportRun, known: Awaited<ReturnType<typeof listUsersKnownBy>>) {
  const emails = new Map(known.map(({ email, updated_at }) => [email, updated_at >= run.startedAt]))
  const waiting = new Map(known.filter(isUnconfirmed).map(({ email, id }) => [email, id]))
  const ids = new Set(known.map(({ id }) => id))
  return ({ line, user, hash }: ImportRow): Outcome => {
    const { id, email } = user
    const wrong = (outcome: 'skipped' | 'failed', code: string, detail: string): Outcome => ({
      line,
      email,
      outcome,
      code,
      detail,
    })
    const unusable = hash === null ? null : readHash(hash, importLimits)
    if (unusable === 'unknown_format') {
      return wrong(
        'failed',
        'unknown_hash_format',
        'This password hash is of no known format; docs/moving.md lists them.',
      )
    }
    if (unusable === 'too_costly') {
      const detail =
        'Checking this password hash would take too much time or memory (docs/moving.md names the bounds): leave it out, and have the user choose a new password.'
      return wrong('failed', 'hash_too_costly', detail)
    }
    const registration = waiting.get(email)
    const givesWay = registration !== undefined && registration !== id && (user.unconfirmedSince ?? null) === null
    const isTaken = givesWay ? undefined : emails.get(email)
    if (isTaken) {
      const detail = 'Another row has this address, or somebody registered it meanwhile: keep one of the two.'
      return wrong('failed', 'duplicate_email', detail)
    }
    if (isTaken === false) {
      const detail = 'There is a user with this address already, and it stays as it is.'
      return wrong(run.onConflict === 'skip' ? 'skipped' : 'failed', 'email_taken', detail)
    }
    if (ids.has(id)) {
      return wrong('failed', 'id_taken', 'Another user has this id: leave "id" out, and the user gets a new one.')
    }
    emails.set(email, true)
    waiting.delete(email)
    ids.add(id)
    return { line, email, outcome: 'created', id }
  }
}
