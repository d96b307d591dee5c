import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/** `docs/` and ARCHITECTURE.md draw the arrows; this holds the code to them. */

type Import = { from: string; to: string; typeOnly: boolean; lazy: boolean; package: boolean }
type Sources = Record<string, string>

/** From what to what a line may point. The first rule whose `from` fits decides; what no rule names is forbidden. */
const arrows: { name: string; from: RegExp; to: RegExp[] }[] = [
  {
    name: 'the ground stands on nothing',
    from: /^(errors|clock|random|package-file|make-directory|certificates)\.ts$/,
    to: [],
  },
  {
    name: 'the configuration reads addresses of databases, and what traces understand',
    from: /^config\//,
    to: [/^config\//, /^database\/url\.ts$/, /^tracing\/variables\.ts$/],
  },
  { name: 'the cellar knows nobody above it', from: /^database\//, to: [/^database\//] },
  { name: 'a store reaches the cellar', from: /^domain\/(\w+)\/store\.ts$/, to: [/^domain\/$1\//, /^database\//] },
  { name: 'a room keeps to itself', from: /^domain\/(\w+)\//, to: [/^domain\/$1\//] },
  {
    name: 'a flow leads to rooms and opens transactions',
    from: /^flows\//,
    to: [/^flows\//, /^domain\//, /^database\/transaction\.ts$/],
  },
  {
    name: 'the porch leads to flows and rooms',
    from: /^http\//,
    to: [/^http\//, /^flows\//, /^domain\//, /^metrics\/table\.ts$/, /^tracing\/current\.ts$/],
  },
  {
    name: 'chores lead to flows and rooms',
    from: /^chores\//,
    to: [/^chores\//, /^flows\//, /^domain\//, /^database\//],
  },
  // The owner's door opens everything: it starts the server and mends the database.
  { name: 'the command line leads anywhere below', from: /^cli\//, to: [/./] },
  // Ground as well, but for the list of database errors that a label may name.
  {
    name: 'the meter counts and knows nobody',
    from: /^metrics\//,
    to: [/^metrics\//, /^database\/retry-codes\.ts$/],
  },
  { name: 'traces are told by their own room', from: /^tracing\//, to: [/^tracing\//] },
  { name: 'readiness asks the cellar', from: /^readiness\.ts$/, to: [/^database\//] },
  { name: 'the log stands alone', from: /^log\.ts$/, to: [] },
  { name: 'the top floor builds and starts', from: /^(app|start|main)\.ts$/, to: [/./] },
]

const ground = /^(errors|clock|random|package-file|make-directory|certificates)\.ts$/
/** Types weigh nothing: they may also be of these. */
const typesFor: { from: RegExp; to: RegExp }[] = [
  { from: /^(domain|flows)\//, to: /^database\/(connect|schema)\.ts$/ },
  { from: /^(flows|http|chores)\//, to: /^app\.ts$/ },
  { from: /^config\//, to: /^database\/url\.ts$/ },
  { from: /^http\//, to: /^tracing\/tracing\.ts$/ },
]
/** Which packages belong to whom; the others belong to nobody and are not asked about here. */
const packages: { name: RegExp; from: RegExp }[] = [
  { name: /^kysely$/, from: /^(database\/|domain\/\w+\/store\.ts$)/ },
  { name: /^(better-sqlite3|mysql2|pg)$/, from: /^database\/dialects\// },
  { name: /^(fastify|@fastify\/.*|typebox|ajv|fast-json-stringify)$/, from: /^http\// },
  { name: /^nodemailer$/, from: /^domain\/outbox\/smtp\.ts$/ },
  { name: /^@redis\/client$/, from: /^domain\/throttling\/redis\.ts$/ },
  { name: /^@opentelemetry\//, from: /^tracing\// },
  { name: /^(bcrypt|@node-rs\/argon2)$/, from: /^domain\/passwords\// },
]

const importShape =
  /^\s*(?:import|export)\s+(type\s+)?([^'"`;]*?)\s*from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm

function importsOf(file: string, source: string): Import[] {
  return [...withoutComments(source).matchAll(importShape)].map((match) => {
    const [, keyword, names = '', static_, dynamic, bare] = match
    const target = static_ ?? dynamic ?? bare!
    const relative = target.startsWith('.')
    const members = /^\{(.*)\}$/s
      .exec(names.trim())?.[1]
      ?.split(',')
      .map((each) => each.trim())
      .filter(Boolean)
    const typeOnly =
      keyword !== undefined ||
      (members !== undefined && members.length > 0 && members.every((each) => each.startsWith('type '))) ||
      // `typeof import('x')`, which is a type as well.
      (dynamic !== undefined && /typeof\s+$/.test(match.input.slice(0, match.index)))
    return {
      from: file,
      to: relative ? normalize(join(dirname(file), target)) : target,
      typeOnly,
      lazy: dynamic !== undefined,
      package: !relative,
    }
  })
}

/** Comments become blanks, texts stay; good enough for a formatter's output. */
function withoutComments(source: string): string {
  const shape = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return source.replaceAll(shape, (part) => (/^\/[/*]/.test(part) ? part.replaceAll(/[^\n]/g, ' ') : part))
}

function wrongArrows(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([file, source]) =>
    importsOf(file, source)
      .filter((each) => !(each.package ? packageAllowed(each) : arrowAllowed(each)))
      .map(({ from, to, typeOnly }) => `${from} → ${to}${typeOnly ? ' (types)' : ''}`),
  )
}

function packageAllowed({ from, to, typeOnly }: Import): boolean {
  const rule = packages.find(({ name }) => name.test(to))
  return rule === undefined || rule.from.test(from) || (typeOnly && !/^kysely|^fastify/.test(to))
}

function arrowAllowed({ from, to, typeOnly }: Import): boolean {
  const rule = arrows.find((each) => each.from.test(from))
  if (!rule) return false
  if (rule.from.test(from) && ground.test(to) && !ground.test(from)) return true
  const own = rule.from.exec(from)?.[1] ?? ''
  if (rule.to.some((to_) => new RegExp(to_.source.replace('$1', own)).test(to))) return true
  return typeOnly && typesFor.some((each) => each.from.test(from) && each.to.test(to))
}

/** Circles in which one file must be run before the other and the other before the one. */
function circles(sources: Sources): string[] {
  const targets = new Map(
    Object.entries(sources).map(([file, source]) => [
      file,
      importsOf(file, source)
        .filter((each) => !each.typeOnly && !each.lazy && !each.package)
        .map(({ to }) => to),
    ]),
  )
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: string[]) => {
    const at = path.indexOf(file)
    if (at >= 0) found.push([...path.slice(at), file].join(' → '))
    if (at >= 0 || done.has(file)) return
    for (const target of targets.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  return found
}

const databaseNames = /sqlite|mysql|mariadb|postgres/i

function namesOfDatabases(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([file, source]) => {
    if (file.startsWith('database/')) return []
    const lines = withoutComments(source).split('\n')
    return lines.flatMap((line, index) => (databaseNames.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []))
  })
}

const drawers = /(^|\/)(utils?|helpers?|common|shared|lib|misc|services?|managers?)\//

function drawersIn(files: string[]): string[] {
  // A room may be named after what it holds; the services that call us are such a thing.
  return files.filter((file) => drawers.test(file.replace(/^domain\/services\//, '')))
}

const root = fileURLToPath(new URL('../src/', import.meta.url))
const files = globSync('**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
const sources: Sources = Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))

describe('the house', () => {
  it('has arrows that all point down', () => {
    assert.ok(files.length > 80, `${files.length} files`)
    assert.deepEqual(wrongArrows(sources), [])
  })

  it('has no circle of imports', () => {
    assert.deepEqual(circles(sources), [])
  })

  it('imports nothing that is not there', () => {
    const lost = Object.entries(sources).flatMap(([file, source]) =>
      importsOf(file, source).filter(({ to, package: isPackage }) => !isPackage && !(to in sources)),
    )
    assert.deepEqual(lost, [])
  })

  it('loads the libraries of traces only where traces are wanted', () => {
    const heavy = /^(@opentelemetry\/|tracing\/(start|environment|bounded)\.ts$)/
    const eager = Object.entries(sources).flatMap(([file, source]) =>
      importsOf(file, source).filter((each) => !each.typeOnly && !each.lazy && heavy.test(each.to)),
    )
    assert.deepEqual([...new Set(eager.map(({ from }) => from))].sort(), [
      'tracing/bounded.ts',
      'tracing/environment.ts',
      'tracing/start.ts',
    ])
  })

  it('names databases in the cellar only', () => {
    assert.deepEqual(namesOfDatabases(sources), [])
  })

  it('has no drawer for odds and ends', () => {
    assert.deepEqual(drawersIn(files), [])
  })
})

describe('the check of the house', () => {
  const planted: Record<string, [string, string]> = {
    'a room into another room': ['domain/users/find.ts', "import { endSession } from '../sessions/end.ts'"],
    'a room into another room, for types': ['domain/users/find.ts', "import type { S } from '../sessions/end.ts'"],
    'a room into a flow': ['domain/users/find.ts', "import { login } from '../../flows/login.ts'"],
    'a room into the app': ['domain/users/find.ts', "import type { App } from '../../app.ts'"],
    'a room into the cellar past its store': [
      'domain/users/find.ts',
      "import { inTransaction } from '../../database/transaction.ts'",
    ],
    'a room into kysely': ['domain/users/find.ts', "import { sql } from 'kysely'"],
    'a room into kysely, for types': ['domain/users/find.ts', "import type { Sql } from 'kysely'"],
    'a room into the web': ['domain/users/find.ts', "import fastify from 'fastify'"],
    'a room into a driver': ['domain/users/store.ts', "import pg from 'pg'"],
    'a flow into the porch': ['flows/login.ts', "import { deviceOf } from '../http/device.ts'"],
    'a flow into the web, for types': ['flows/login.ts', "import type { FastifyRequest } from 'fastify'"],
    'a flow into the connection': ['flows/login.ts', "import { openDatabase } from '../database/connect.ts'"],
    'a flow into the app at run time': ['flows/login.ts', "import { createApp } from '../app.ts'"],
    'the porch into the cellar': ['http/routes/me.ts', "import { sql } from '../../database/connect.ts'"],
    'the porch into the command line': ['http/server.ts', "import { serve } from '../cli/serve.ts'"],
    'the cellar into a room': ['database/connect.ts', "import { findUser } from '../domain/users/find.ts'"],
    'the ground into anything': ['errors.ts', "import { randomToken } from './random.ts'"],
    'the configuration into the porch': ['config/env.ts', "import { routes } from '../http/routes.ts'"],
    'a lazy import': ['domain/users/find.ts', "const x = await import('../sessions/end.ts')"],
    'an import for its effects': ['domain/users/find.ts', "import '../sessions/end.ts'"],
    'an export from elsewhere': ['domain/users/find.ts', "export { endSession } from '../sessions/end.ts'"],
    'an import over several lines': [
      'domain/users/find.ts',
      "import {\n  endSession,\n  type X,\n} from '../sessions/end.ts'",
    ],
    'a file on no floor': ['extra.ts', "import { findUser } from './domain/users/find.ts'"],
  }
  for (const [name, [file, source]] of Object.entries(planted)) {
    it(`finds ${name}`, () => assert.equal(wrongArrows({ [file]: source }).length, 1))
  }

  const allowed: Record<string, [string, string]> = {
    'a store into the cellar': ['domain/users/store.ts', "import { statement } from '../../database/statement.ts'"],
    'a store into kysely': ['domain/users/store.ts', "import { sql } from 'kysely'"],
    'a room into the types of the cellar': [
      'domain/users/find.ts',
      "import type { Db } from '../../database/connect.ts'",
    ],
    'a flow into a transaction': ['flows/login.ts', "import { inTransaction } from '../database/transaction.ts'"],
    'a flow into the type of the app': ['flows/login.ts', "import { type App } from '../app.ts'"],
    'a route into a room': ['http/routes/me.ts', "import { findUser } from '../../domain/users/find.ts'"],
    'everybody on the ground': ['domain/users/find.ts', "import { AppError } from '../../errors.ts'"],
    'a comment': ['domain/users/find.ts', "// import { endSession } from '../sessions/end.ts'"],
    'a longer comment': ['domain/users/find.ts', "/*\nimport { endSession } from '../sessions/end.ts'\n*/"],
  }
  for (const [name, [file, source]] of Object.entries(allowed)) {
    it(`lets pass ${name}`, () => assert.deepEqual(wrongArrows({ [file]: source }), []))
  }

  it('finds a circle, however long, but none of types and of what is loaded later', () => {
    const long = { 'a.ts': "import './b.ts'", 'b.ts': "import './c.ts'", 'c.ts': "import { a } from './a.ts'" }
    assert.deepEqual(circles(long), ['a.ts → b.ts → c.ts → a.ts'])
    assert.deepEqual(circles({ ...long, 'c.ts': "import type { A } from './a.ts'" }), [])
    assert.deepEqual(circles({ ...long, 'c.ts': "const a = () => import('./a.ts')" }), [])
  })

  it('finds the name of a database in code and texts, not in comments', () => {
    assert.equal(namesOfDatabases({ 'flows/login.ts': "if (name === 'MariaDB') x()" }).length, 1)
    assert.equal(namesOfDatabases({ 'flows/login.ts': 'const isSqlite = true' }).length, 1)
    assert.deepEqual(namesOfDatabases({ 'flows/login.ts': '// SQLite waits\n/* for MySQL */ x()' }), [])
    assert.equal(namesOfDatabases({ 'flows/login.ts': "const url = 'postgres://x' // a url" }).length, 1)
    assert.deepEqual(namesOfDatabases({ 'database/connect.ts': "import './mysql.ts'" }), [])
  })

  it('finds a drawer', () => {
    assert.deepEqual(drawersIn(['http/utils/x.ts', 'domain/users/find.ts', 'shared/y.ts']), [
      'http/utils/x.ts',
      'shared/y.ts',
    ])
  })
})
