import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { checkSchema, migrateDown, migrateUp, migrationPlan, migrationStatus } from '../../src/database/migrate.ts'
import type { Migration } from '../../src/database/migration.ts'
import { migrations } from '../../src/database/migrations.ts'
import { onEachDatabase } from '../support/databases.ts'
import { userRow } from '../support/rows.ts'
import { dumpSchema } from '../support/schema-dump.ts'

const names = migrations.map(({ name }) => name)
const latest = names.at(-1)!
const stepsInAll = migrations.flatMap(({ steps }) => steps).length

const second: Migration = {
  name: '9999-test',
  steps: [
    { column: 'nickname', of: 'users', type: ({ columns }) => columns.text(40) },
    { index: 'users_nickname', on: ['users', 'nickname'] },
  ],
}
const two = [...migrations, second]

onEachDatabase(
  (_name, url) => {
    let database: Database
    let clean: string[]

    before(async () => {
      database = await openDatabase({ url: url() })
    })
    after(() => database.close())

    it('goes up, and finds nothing to do the second time', async () => {
      assert.equal(await checkSchema(database), 'pending')
      assert.deepEqual(await migrationStatus(database), { applied: [], pending: names, unknown: [] })
      const told: string[] = []
      await migrateUp(database, { tell: (line) => told.push(line) })
      assert.equal(told.length, stepsInAll)
      assert.equal(await checkSchema(database), 'current')
      clean = await dumpSchema(database)

      told.length = 0
      await migrateUp(database, { tell: (line) => told.push(line) })
      assert.deepEqual(told, [])
      assert.deepEqual(await dumpSchema(database), clean)
    })

    it('goes down and up again to the same schema', async () => {
      await migrateUp(database)
      await migrateDown(database, { to: null })
      assert.equal(await checkSchema(database), 'pending')
      assert.equal(await database.dialect.hasTable(database.db, 'users'), false)
      await migrateUp(database)
      assert.deepEqual(await dumpSchema(database), clean)
    })

    it('adds columns, and takes back only what comes after the name given', async () => {
      await migrateUp(database, { migrations: two })
      assert.equal(await checkSchema(database, two), 'current')
      await database.db.insertInto('users').values(userRow()).execute()
      await sql`update users set nickname = 'n'`.execute(database.db)
      await migrateDown(database, { migrations: two, to: latest })
      assert.deepEqual(await dumpSchema(database), clean)
      assert.equal((await database.db.selectFrom('users').selectAll().execute()).length, 1)
      await database.db.deleteFrom('users').execute()
    })

    it('stops at the name given', async () => {
      await migrateUp(database, { migrations: two, to: latest })
      assert.deepEqual(await dumpSchema(database), clean)
      await assert.rejects(
        migrateUp(database, { to: 'nowhere' }),
        /no migration "nowhere"; there are: 0001-first-tables/,
      )
    })

    it('shows the statements of what is pending', async () => {
      const plan = await migrationPlan(database, two)
      assert.deepEqual(
        plan.map(({ migration, step }) => [migration, step]),
        [
          ['9999-test', 1],
          ['9999-test', 2],
        ],
      )
      assert.match(plan[0]!.sql, /^alter table users add column nickname /)
      assert.equal(plan[1]!.sql, 'create index users_nickname on users (nickname)')
    })

    it('refuses a schema that is newer than it', async () => {
      await migrateUp(database, { migrations: two })
      try {
        assert.equal(await checkSchema(database), 'newer')
        assert.deepEqual((await migrationStatus(database)).unknown, ['9999-test'])
        await assert.rejects(migrateUp(database), /newer than this version: it has 9999-test/)
        await assert.rejects(migrateDown(database, { to: null }), /newer than this version/)
      } finally {
        await migrateDown(database, { migrations: two, to: latest })
      }
    })

    it('resumes wherever it was broken off, upward', async () => {
      await migrateDown(database, { to: null })
      // Three runs a step: they end before the second, before the third, and before the next step's first write.
      for (let run = 0; run < 3 * stepsInAll; run++) {
        const broken = await isBrokenOff(migrateUp(database, { boundary: breakingOff([2, 2, 3][run % 3]!) }))
        assert.equal(broken, run < 3 * stepsInAll - 1)
        assert.equal(await checkSchema(database), broken ? 'pending' : 'current')
      }
      assert.deepEqual(await dumpSchema(database), clean)
    })

    it('resumes wherever it was broken off, downward', async () => {
      for (let run = 0; run < 3 * stepsInAll; run++) {
        const boundary = breakingOff([2, 3, 4][run % 3]!)
        const broken = await isBrokenOff(migrateDown(database, { to: null, boundary }))
        assert.equal(broken, run < 3 * stepsInAll - 1)
      }
      assert.equal(await database.dialect.hasTable(database.db, 'users'), false)
      await migrateUp(database)
      assert.deepEqual(await dumpSchema(database), clean)
    })

    it('may turn round wherever it was broken off', async () => {
      // At each of the three writes of some steps, near either end and in between.
      for (const step of [0, 1, Math.floor(stepsInAll / 2), stepsInAll - 1]) {
        for (const n of [1, 2, 3].map((write) => 3 * step + write)) {
          assert.ok(await isBrokenOff(migrateDown(database, { to: null, boundary: breakingOff(n) })))
          await migrateUp(database)
          assert.deepEqual(await dumpSchema(database), clean, `after breaking off at boundary ${n}`)
        }
      }
    })

    it('takes over from a migrator that was killed', async () => {
      for (const boundary of [2, 3, 21]) {
        await migrateDown(database, { to: null })
        assert.equal(await migrateInChild(url(), boundary, 600), 'SIGKILL')
        const told: string[] = []
        await migrateUp(database, { tell: (line) => told.push(line) })
        assert.match(told[0]!, /waiting for another process/)
        assert.deepEqual(await dumpSchema(database), clean)
      }
    })

    it('lets several migrators work at the same time', async () => {
      await migrateDown(database, { to: null })
      const other = await openDatabase({ url: url() })
      try {
        const outcomes = await Promise.all([migrateInChild(url(), 0, 5000), migrateUp(database), migrateUp(other)])
        assert.equal(outcomes[0], 0)
        assert.deepEqual(await dumpSchema(database), clean)
      } finally {
        await other.close()
      }
    })

    it('stops when another migrator has taken over', async () => {
      await migrateDown(database, { to: null })
      let boundaries = 0
      await assert.rejects(
        migrateUp(database, {
          leaseDuration: 30,
          clock: { now: () => Date.now() },
          boundary() {
            if (++boundaries !== 5) return
            // As a process that was suspended would find it.
            const until = performance.now() + 40
            while (performance.now() < until);
            stolen = sql`update leases set owner = 'thief', fence = fence + 1`.execute(database.db)
          },
        }),
        /taken over "migrate"/,
      )
      await stolen
      await database.db.updateTable('leases').set({ expires_at: 0 }).execute()
      await migrateUp(database)
      assert.deepEqual(await dumpSchema(database), clean)
    })

    it('gives up waiting when it is told to', async () => {
      await database.db
        .updateTable('leases')
        .set({ expires_at: Date.now() + 60_000 })
        .execute()
      await assert.rejects(migrateUp(database, { patience: 100 }), /"migrate" is still held/)
      await database.db.updateTable('leases').set({ expires_at: 0 }).execute()
    })
  },
  { bare: true },
)

let stolen: Promise<unknown> | undefined

async function isBrokenOff(run: Promise<unknown>): Promise<boolean> {
  try {
    await run
    return false
  } catch (error) {
    assert.match(String(error), /broken off/)
    return true
  }
}

function breakingOff(at: number): () => void {
  let seen = 0
  return () => {
    if (++seen === at) throw new Error('broken off')
  }
}

const program = fileURLToPath(new URL('../support/migrate-until-killed.ts', import.meta.url))

async function migrateInChild(url: string, boundary: number, leaseDuration: number): Promise<number | string> {
  const child = spawn(process.execPath, [program, url, String(boundary), String(leaseDuration)], { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit')
  return signal ?? code
}
