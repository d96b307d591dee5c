import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { CompiledQuery, type KyselyPlugin, sql } from 'kysely'
import { type App, createApp } from '../../server/src/app.ts'
import { systemClock } from '../../server/src/clock.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import type { Db } from '../../server/src/database/connect.ts'
import { listUsers, type UserFilter, type UserOrder } from '../../server/src/domain/users/list.ts'
import { findUserForLogin } from '../../server/src/domain/users/store.ts'
import { systemAct } from '../../server/src/flows/acting.ts'
import { refresh } from '../../server/src/flows/refresh.ts'
import { createLog } from '../../server/src/log.ts'
import { randomToken } from '../../server/src/random.ts'
import { startApp } from '../../server/src/start.ts'
import { serverEnv } from '../support/processes.ts'
import { personOf } from '../support/seed.ts'
import { quantile, short } from '../support/statistics.ts'

type Place = {
  app: App
  users: number
  places: Record<string, string | undefined>
  tokens: string[]
  stop(): Promise<void>
}
type Question = { name: string; target?: true; ask(place: Place, db: Db): Promise<unknown> }

const pageSize = 50

const page = (name: string, order: UserOrder, filter: UserFilter, at: string | null, target?: true): Question => ({
  name,
  ...(target && { target }),
  ask: ({ places }, db) => listUsers(db, filter, order, pageSize, at === null ? undefined : places[at]),
})

const questions: Question[] = [
  page('first page, newest first', '-created_at', {}, null, true),
  page('middle page, newest first', '-created_at', {}, 'middle'),
  page('last page, newest first', '-created_at', {}, 'lastDown', true),
  page('first page by e-mail', 'email', {}, null),
  page('middle page by e-mail', 'email', {}, 'middleEmail'),
  page('last page by e-mail', 'email', {}, 'lastEmail'),
  {
    name: 'search for a whole address',
    ask: ({ users }, db) => listUsers(db, { search: someone(users) }, '-created_at', pageSize, undefined),
  },
  page('search for "ada lovelace"', '-created_at', { search: 'ada lovelace' }, null),
  page('search for "a"', '-created_at', { search: 'a' }, null),
  page('search for "a" by e-mail', 'email', { search: 'a' }, null),
  page('search for what nobody has', '-created_at', { search: 'nobody-has-this' }, null),
  page('disabled users', '-created_at', { status: 'disabled' }, null),
  page('administrators', '-created_at', { role: 'admin' }, null),
  page('members', '-created_at', { role: 'member' }, null),
  page('disabled users called "ada", by e-mail', 'email', { search: 'ada', status: 'disabled' }, null),
  page('active members called "a", by e-mail', 'email', { search: 'a', status: 'active', role: 'member' }, null),
  { name: 'look-up of a login', target: true, ask: ({ users }, db) => findUserForLogin(db, someone(users)) },
  {
    name: 'refresh',
    target: true,
    ask: ({ app, tokens }) => refresh(app, systemAct, { token: tokens.pop()!, key: randomToken(16) }),
  },
]

const someone = (users: number) => personOf(Math.floor(Math.random() * users)).email

/** @returns the database's name, and the figures and plans in Markdown */
export async function measureLists(small: string, large: string, rounds: number, directory: string) {
  const places = [
    await open(small, join(directory, 'small'), rounds),
    await open(large, join(directory, 'large'), rounds),
  ] as const
  try {
    const rows: string[][] = []
    for (const question of questions) {
      const times: [number[], number[]] = [[], []]
      // The first ones warm up whatever is kept.
      for (let round = -10; round < rounds; round++) {
        for (const [index, place] of places.entries()) {
          const start = performance.now()
          await question.ask(place, place.app.database.db)
          if (round >= 0) times[index as 0 | 1].push(performance.now() - start)
        }
      }
      const figures = times.flatMap((each) => [quantile(each, 0.5), quantile(each, 0.99)]) as [
        number,
        number,
        number,
        number,
      ]
      const ratio = figures[2] / figures[0]
      const verdict = question.target ? (ratio <= 1.2 ? 'met' : '**not met**') : ''
      rows.push([question.name, ...figures.map(short), short(ratio), verdict])
      console.error(rows.at(-1)!.join('  '))
    }
    const { app } = places[1]
    const counts = places.map(({ users }) => users.toLocaleString('en'))
    const titles = ['question', ...counts.flatMap((count) => [`p50 at ${count}`, 'p99']), 'p50 ÷ p50', '≤ 1.2']
    const table = [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
    return {
      name: app.database.dialect.name,
      text: `${await versionOf(app)}\n\n${table}\n\n${await plansOf(places[1])}`,
    }
  } finally {
    for (const place of places) await place.stop()
  }
}

async function open(url: string, dataDir: string, rounds: number): Promise<Place> {
  // The key is that of no server; the tokens below are minted here.
  const env = { ...serverEnv(dataDir, { DATABASE_URL: url, AUTO_MIGRATE: 'on' }), NTT_AUTH_MASTER_KEY: benchMasterKey }
  const app = await createApp(loadConfig({ env, flags: {} }).config, createLog('silent'), systemClock)
  const stopFollowing = await startApp(app)
  const { db } = app.database
  const count = await db.selectFrom('users').select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow()
  const users = Number(count.count)
  const idAt = async (offset: number) =>
    (await db.selectFrom('users').select('id').orderBy('id').limit(1).offset(offset).executeTakeFirst())?.id
  const emailAt = async (offset: number) =>
    (await db.selectFrom('users').select('email').orderBy('email').limit(1).offset(offset).executeTakeFirst())?.email
  const places = {
    middle: await idAt(Math.floor(users / 2)),
    lastDown: await idAt(pageSize),
    middleEmail: await emailAt(Math.floor(users / 2)),
    lastEmail: await emailAt(users - pageSize - 1),
  }
  // Far apart from each other, and none that an earlier run has used.
  const wanted = rounds + 10
  const fresh = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select('sessions.id')
    .where('sessions.generation', '=', 0)
    .where('sessions.ended_at', 'is', null)
    .where('users.status', '=', 'active')
    .limit(wanted * 50)
    .execute()
  if (fresh.length < wanted) throw new Error('There are too few fresh sessions left; seed the database anew.')
  const stride = Math.floor(fresh.length / wanted)
  const tokens = Array.from({ length: wanted }, (_, index) => app.refreshTokens.mint(fresh[index * stride]!.id, 0))
  return {
    app,
    users,
    places,
    tokens,
    async stop() {
      await stopFollowing()
      await app.close()
    },
  }
}

// The same at every run, because what is in the database is sealed by it.
const benchMasterKey = createHash('sha256').update('the master key of the benchmarks').digest('base64url')

async function versionOf({ database: { dialect, db } }: App): Promise<string> {
  const question = dialect.name === 'sqlite' ? 'sqlite_version()' : 'version()'
  const { rows } = await sql<{ version: string }>`select ${sql.raw(question)} as version`.execute(db)
  return `${dialect.name} ${rows[0]!.version.split(',')[0]}`
}

/** What the large database does for each question, as it says itself. */
async function plansOf(place: Place): Promise<string> {
  const { db, dialect } = place.app.database
  const seen: { sql: string; parameters: readonly unknown[] }[] = []
  const watching: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      seen.push(db.getExecutor().compileQuery(node, queryId))
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const explain = { sqlite: 'explain query plan', mysql: 'explain', postgres: 'explain (costs off)' }[dialect.name]
  const parts = ['### Plans at the large size\n']
  for (const question of questions.filter(({ name }) => name !== 'refresh')) {
    seen.length = 0
    await question.ask(place, db.withPlugin(watching))
    parts.push(`**${question.name}**\n\n\`\`\`text`)
    for (const { sql: text, parameters } of seen.slice(0, 4)) {
      const { rows } = await db.executeQuery<Record<string, unknown>>(
        CompiledQuery.raw(`${explain} ${text}`, [...parameters]),
      )
      parts.push(cut(text), ...rows.map((row) => `    ${cut(planLine(row))}`))
    }
    if (seen.length > 4) parts.push(`… and ${seen.length - 4} statements more of these kinds`)
    parts.push('```\n')
  }
  return parts.join('\n')
}

function planLine(row: Record<string, unknown>): string {
  if ('QUERY PLAN' in row) return String(row['QUERY PLAN'])
  if ('detail' in row) return String(row.detail)
  const { table, type, key, rows, Extra } = row
  return `${table}: ${type}, key ${key}, about ${rows} rows; ${Extra}`
}

/** Lists of hundreds of ids say nothing. */
function cut(text: string): string {
  const plain = text.replaceAll(/((\?|\$\d+), )+(\?|\$\d+)/g, '…').replaceAll(/'\{[^}]*\}'/g, "'{…}'")
  return plain.length > 220 ? `${plain.slice(0, 220)}…` : plain
}
