import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { quickDirectory } from './quick-directory.ts'
import { quickSchema } from './quick-schema.ts'

export type DatabaseName = 'SQLite' | 'MariaDB' | 'PostgreSQL'

const variables = { MariaDB: 'NTT_AUTH_TEST_MARIADB_URL', PostgreSQL: 'NTT_AUTH_TEST_POSTGRES_URL' } as const

/** The databases a test can run on; the servers are started by `scripts/test.ts`. */
export const databases: { name: DatabaseName; available: boolean; why: string }[] = [
  { name: 'SQLite', available: true, why: '' },
  fromEnvironment('MariaDB'),
  fromEnvironment('PostgreSQL'),
]

const requireAll = process.env.NTT_AUTH_TEST_REQUIRE_ALL === '1'

type Fresh = { url: string; drop(): Promise<void> }

type FreshOptions = {
  /** Without tables: for those who make them. */
  bare?: boolean
}

/** A database of its own, with today's tables and nothing in them; `drop` takes it away. */
export async function freshDatabase(name: DatabaseName, { bare = false }: FreshOptions = {}): Promise<Fresh> {
  const fresh = await makers[name]()
  if (bare) return fresh
  const database = await openDatabase({ url: fresh.url, poolSize: 1 })
  try {
    await quickSchema(database)
  } finally {
    await database.close()
  }
  return fresh
}

/**
 * Declares a describe block for each database; inside it, `url()` is that of a fresh database which the block has for
 * itself. A database that is missing shows as a skipped block, or as a failure under NTT_AUTH_TEST_REQUIRE_ALL=1.
 */
export function onEachDatabase(
  declare: (name: DatabaseName, url: () => string) => void,
  options: FreshOptions = {},
): void {
  for (const { name, available, why } of databases) {
    if (!available && requireAll) {
      it(`on ${name}`, () => {
        throw new Error(why)
      })
      continue
    }
    describe(`on ${name}`, { skip: available ? false : why }, () => {
      let fresh: Fresh | undefined
      before(async () => {
        fresh = await freshDatabase(name, options)
      })
      after(() => fresh?.drop())
      declare(name, () => fresh!.url)
    })
  }
}

function fromEnvironment(name: keyof typeof variables) {
  const available = Boolean(process.env[variables[name]])
  return { name, available, why: available ? '' : whyNot(name) }
}

function whyNot(name: keyof typeof variables): string {
  return `${variables[name]} is not set; "npm test" sets it when ${name} is installed`
}

/** Read when it is needed: a benchmark starts its databases after this was loaded. */
function urlOf(name: keyof typeof variables): string {
  const url = process.env[variables[name]]
  if (!url) throw new Error(whyNot(name))
  return url
}

let count = 0
const freshName = () => `t_${process.pid}_${Date.now().toString(36)}_${++count}`

const makers: Record<DatabaseName, () => Promise<Fresh>> = {
  SQLite: freshSqlite,
  MariaDB: freshMariaDb,
  PostgreSQL: freshPostgres,
}

async function freshSqlite() {
  const directory = mkdtempSync(join(quickDirectory(), 'ntt-auth-test-'))
  return {
    url: `sqlite:${join(directory, 'test.sqlite')}`,
    drop: async () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function freshMariaDb() {
  const server = urlOf('MariaDB')
  const name = freshName()
  await run(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = name
  return { url: url.href, drop: () => run(server, `drop database ${name}`) }
}

/** A schema, which takes a hundredth of the time of a database. */
async function freshPostgres() {
  const server = urlOf('PostgreSQL')
  const name = freshName()
  await run(server, `create schema ${name}`)
  const url = new URL(server)
  url.searchParams.set('schema', name)
  return { url: url.href, drop: () => run(server, `drop schema ${name} cascade`) }
}

async function run(url: string, statement: string): Promise<void> {
  const database = await openDatabase({ url, poolSize: 1 })
  try {
    await sql.raw(statement).execute(database.db)
  } finally {
    await database.close()
  }
}
