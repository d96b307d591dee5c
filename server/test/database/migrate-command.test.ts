import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { command } from '../../src/cli/migrate.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { migrations } from '../../src/database/migrations.ts'
import { randomToken } from '../../src/random.ts'
import { onEachDatabase } from '../support/databases.ts'

const names = migrations.map(({ name }) => name)

onEachDatabase(
  (_name, url) => {
    let dataDir: string
    let database: Database

    before(async () => {
      database = await openDatabase({ url: url() })
      dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-test-'))
    })
    after(async () => {
      await database.close()
      rmSync(dataDir, { recursive: true })
    })

    async function migrate(args: string[], options: Record<string, string | boolean> = {}) {
      const printed: string[] = []
      const told: string[] = []
      const code = await command.run({
        options,
        arguments: args,
        env: {
          NTT_AUTH_DATABASE_URL: url(),
          NTT_AUTH_DATA_DIR: dataDir,
          NTT_AUTH_PUBLIC_URL: 'http://localhost:8080',
          NTT_AUTH_MASTER_KEY: randomToken(32),
        },
        stdin: process.stdin,
        print: (line) => printed.push(line),
        tell: (line) => told.push(line),
      })
      return { code, printed: printed.join('\n'), told: told.join('\n') }
    }

    it('says 3 while migrations are pending, shows them, applies them, and says 0', async () => {
      const before = await migrate(['status'])
      assert.equal(before.code, 3)
      assert.match(before.printed, /^pending {2}0001-first-tables\n(pending .*\n)*The schema is pending\.$/)

      const plan = await migrate(['plan'])
      assert.equal(plan.code, 0)
      assert.match(plan.printed, /^-- 0001-first-tables, step 1\ncreate table users \(\n/)
      const listed = JSON.parse((await migrate(['plan'], { json: true })).printed)
      assert.deepEqual([listed[0].migration, listed[0].step], ['0001-first-tables', 1])

      const up = await migrate(['up'])
      assert.equal(up.code, 0)
      assert.match(up.told, /0001-first-tables: step 1 of \d+, table users/)
      assert.match(up.printed, /applied {2}0001-first-tables\n(applied .*\n)*The schema is current\./)

      const status = await migrate(['status'], { json: true })
      assert.equal(status.code, 0)
      assert.deepEqual(JSON.parse(status.printed), {
        state: 'current',
        applied: names,
        pending: [],
        unknown: [],
      })
      assert.equal((await migrate(['plan'])).printed, '')
      assert.equal((await migrate(['up'], { to: names.at(-1)! })).code, 0)
    })

    it('says 4 when the schema is newer', async () => {
      const newer = { migration: '9999-future', step: 0, started_at: 0, finished_at: 0 }
      await database.db.insertInto('schema_migrations').values(newer).execute()
      const status = await migrate(['status'])
      assert.equal(status.code, 4)
      assert.match(status.printed, /unknown {2}9999-future\nThe schema is newer than this version\./)
      await assert.rejects(migrate(['up']), /newer than this version/)
      await database.db.deleteFrom('schema_migrations').where('migration', '=', '9999-future').execute()
    })

    it('goes down only when told that the data may go', async () => {
      await assert.rejects(migrate(['down'], { yes: true }), UsageError)
      await assert.rejects(migrate(['down'], { to: 'nothing' }), /--yes/)
      assert.equal((await migrate(['status'])).code, 0)
      assert.equal((await migrate(['down'], { to: names.at(-1)!, yes: true })).code, 0)
      assert.equal((await migrate(['status'])).code, 0)
      assert.match((await migrate(['down'], { to: 'nothing', yes: true })).printed, /The schema is pending/)
    })

    it('refuses what it does not know', async () => {
      await assert.rejects(migrate([]), UsageError)
      await assert.rejects(migrate(['sideways']), UsageError)
      await assert.rejects(migrate(['up', 'more']), UsageError)
      await assert.rejects(migrate(['status'], { to: 'x' }), UsageError)
      await assert.rejects(migrate(['up'], { yes: true }), UsageError)
    })

    it('never shows the password', async () => {
      const masked = new URL(url().startsWith('sqlite') ? 'mysql://root@localhost/x' : url())
      masked.password = 'very-secret'
      const { told } = await migrate(['status'], { 'database-url': masked.href }).catch((error) => ({
        told: String(error),
      }))
      assert.doesNotMatch(told, /very-secret/)
    })
  },
  { bare: true },
)
