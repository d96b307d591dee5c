import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import { sweep } from '../../src/chores/sweep.ts'
import type { Dialect } from '../../src/database/dialect.ts'
import { mysql } from '../../src/database/dialects/mysql.ts'
import { postgres } from '../../src/database/dialects/postgres.ts'
import { sqlite } from '../../src/database/dialects/sqlite.ts'
import type { Migration, Step } from '../../src/database/migration.ts'
import { migrations } from '../../src/database/migrations.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { tendKeys } from '../../src/flows/tend-keys.ts'
import { administrator, describeFlow, keyA, logIn, refresh, validate } from '../flows/flow-server.ts'
import { registerSomebody } from '../support/server.ts'

type Contraction = {
  /** Why it cannot be left out. */
  reason: string
  /** What an earlier version does, so that the one before this step can live without; then what this step does. */
  plan: [before: string, now: string]
}

/** Steps that take something away, by migration and name. Each has its plan in two versions. */
const contractions: Record<string, Contraction> = {
  '0012-users-by-id users_created_at': {
    reason: 'Every new user wrote this index.',
    plan: ['Lists go by the id, so that no statement goes by the index.', 'The index goes.'],
  },
}

/** @returns the steps that nodes of the version before could not work with, in a sentence each */
function contracting(list: readonly Migration[], allowed = contractions): string[] {
  const found: string[] = []
  for (const { name, steps } of list) {
    const fresh = new Set(steps.flatMap((step) => ('table' in step ? [step.table] : [])))
    for (const step of steps) {
      const trouble = troubleOf(step, fresh)
      if (trouble !== null && allowed[`${name} ${nameOf(step)}`] === undefined) found.push(`${name}: ${trouble}`)
    }
  }
  return found
}

function troubleOf(step: Step, fresh: Set<string>): string | null {
  if ('goneIndex' in step) return `the index ${step.goneIndex} goes; the version before may go by it`
  // What is made in the same migration, the version before does not know.
  if ('index' in step && step.unique && !fresh.has(step.on[0])) {
    return `${step.index} refuses rows that the version before writes`
  }
  if ('column' in step && !fresh.has(step.of)) {
    const narrow = [sqlite, mysql, postgres].some((dialect: Dialect) => {
      const type = step.type(dialect)
      return (/not null/i.test(type) && !/ default /i.test(type)) || /unique|check|references|primary/i.test(type)
    })
    if (narrow) return `${step.of}.${step.column} needs a value that the version before does not write`
  }
  return null
}

function nameOf(step: Step): string {
  if ('table' in step) return step.table
  if ('column' in step) return `${step.of}.${step.column}`
  if ('row' in step) return step.row
  return 'goneIndex' in step ? step.goneIndex : step.index
}

describe('migrations', () => {
  it('only add what the version before can live with, or have a reason and a plan in two versions', () => {
    assert.deepEqual(contracting(migrations), [])
  })

  it('have no plan for a step that is not there', () => {
    const steps = new Set(migrations.flatMap(({ name, steps }) => steps.map((step) => `${name} ${nameOf(step)}`)))
    assert.deepEqual(
      Object.keys(contractions).filter((step) => !steps.has(step)),
      [],
    )
    for (const { reason, plan } of Object.values(contractions))
      assert.ok([reason, ...plan].every((text) => text !== ''))
  })

  it('are refused where they take away, or ask for what the version before does not write', () => {
    const of = (...steps: Step[]) => contracting([{ name: 'next', steps }]).length
    const column = (type: string): Step => ({ column: 'c', of: 'users', type: () => type })
    assert.equal(of(column('bigint')), 0)
    assert.equal(of(column('bigint not null default 0')), 0)
    assert.equal(of(column('bigint not null')), 1)
    assert.equal(of(column('bigint unique')), 1)
    assert.equal(of({ index: 'i', on: ['users', 'c'] }), 0)
    assert.equal(of({ index: 'i', unique: true, on: ['users', 'name'] }), 1)
    const table: Step = { table: 't', columns: () => ['c bigint not null'] }
    assert.equal(of(table, { index: 'i', unique: true, on: ['t', 'c'] }), 0)
    assert.equal(of({ goneIndex: 'users_email', on: ['users', 'email'] }), 1)
    const plan = { 'next users_email': { reason: 'why', plan: ['first', 'then'] as [string, string] } }
    const gone = { name: 'next', steps: [{ goneIndex: 'users_email', on: ['users', 'email'] as [string, string] }] }
    assert.deepEqual(contracting([gone], plan), [])
  })
})

describeFlow('a node under which the next version adds to every table', (flow) => {
  it('goes on with whom it knows, and takes new users', async () => {
    const { server } = flow
    const { db, dialect } = server.app.database
    const one = await registerSomebody(server)
    const tables = migrations.flatMap(({ steps }) => steps.flatMap((step) => ('table' in step ? [step.table] : [])))
    for (const table of tables) {
      await sql.raw(`alter table ${table} add column of_next ${dialect.columns.text(40)}`).execute(db)
      await sql.raw(`alter table ${table} add column of_next_too bigint not null default 7`).execute(db)
    }
    await sql.raw('create index users_of_next on users (of_next_too, id)').execute(db)

    const next = await refresh(server, one.refresh_token, keyA)
    assert.equal(next.status, 200)
    assert.equal((await validate(server, next.body.access_token)).status, 200)
    assert.equal((await logIn(server, one.email)).status, 200)
    const other = await registerSomebody(server)
    const change = { body: { name: 'Ada' }, token: other.access_token }
    assert.equal((await server.call('PATCH', '/v1/users/me', change)).status, 200)
    const { token } = await administrator(server)
    for (const path of ['users', 'services', 'keys', 'audit']) {
      assert.equal((await server.call('GET', `/v1/admin/${path}`, { token })).status, 200, path)
    }
    const service = { body: { name: 'next', scopes: ['introspect'] }, token }
    assert.equal((await server.call('POST', '/v1/admin/services', service)).status, 201)
    assert.equal((await server.call('POST', '/v1/auth/logout', { token: other.access_token })).status, 204)
    assert.equal((await validate(server, other.access_token)).status, 401)
    await tendKeys(server.app)
    assert.ok(await makeCheckpoint(server.app))
    await sweep(server.app)
    assert.equal((await server.call('GET', '/health/ready')).status, 200)

    const again = await flow.start()
    try {
      assert.equal((await validate(again, next.body.access_token)).status, 200)
    } finally {
      await again.close()
    }
  })
})
