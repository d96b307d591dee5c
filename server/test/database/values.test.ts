import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { migrations } from '../../src/database/migrations.ts'
import { onEachDatabase } from '../support/databases.ts'
import { sessionRow, userRow } from '../support/rows.ts'

onEachDatabase((_name, url) => {
  let database: Database

  before(async () => {
    database = await openDatabase({ url: url() })
  })
  after(() => database.close())

  it('returns a row as it was written', async () => {
    const everyByte = Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 37) & 0xff))
    const session = sessionRow({
      redeemers: everyByte,
      generation: 2 ** 31 - 1,
      rotated_at: 2 ** 52 + 1,
      ended_at: 0,
      user_agent: 'Mozilla/5.0 “ü” 🦊 \' " \\ % \n',
      device_name: '',
    })
    await database.db.insertInto('sessions').values(session).execute()
    const read = await database.db.selectFrom('sessions').selectAll().where('id', '=', session.id).executeTakeFirst()
    assert.ok(Buffer.isBuffer(read!.redeemers))
    assert.deepEqual({ ...read }, { ...session })

    const user = userRow({ metadata: JSON.stringify({ long: 'x'.repeat(100_000), emoji: '🦊' }), last_login_at: 1 })
    await database.db.insertInto('users').values(user).execute()
    const again = await database.db.selectFrom('users').selectAll().where('id', '=', user.id).executeTakeFirst()
    assert.deepEqual({ ...again }, { ...user })
  })

  it('counts in numbers', async () => {
    const { n } = await database.db
      .selectFrom('users')
      .select((builder) => builder.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    assert.equal(typeof n, 'number')
  })

  it('tells e-mail addresses apart byte by byte', async () => {
    const emails = [
      'a@x.test',
      'A@x.test',
      'á@x.test',
      'a\u0301@x.test',
      'a@x.test ',
      ' a@x.test',
      'ß@x.test',
      'ss@x.test',
    ]
    for (const email of emails) {
      await database.db.insertInto('users').values(userRow({ email })).execute()
    }
    for (const email of emails) {
      const found = await database.db.selectFrom('users').select('email').where('email', '=', email).execute()
      assert.deepEqual(
        found.map((row) => row.email),
        [email],
      )
      await assert.rejects(
        database.db.insertInto('users').values(userRow({ email })).execute(),
        database.dialect.isDuplicate,
      )
    }
  })

  it('counts a row as updated when it matched, changed or not', async () => {
    const user = userRow({ name: 'same' })
    await database.db.insertInto('users').values(user).execute()
    const update = database.db.updateTable('users').set({ name: 'same' }).where('id', '=', user.id)
    assert.equal((await update.executeTakeFirstOrThrow()).numUpdatedRows, 1n)
  })

  it('refuses text that is too long instead of cutting it', async () => {
    if (database.dialect.name === 'sqlite') return
    await assert.rejects(
      database.db
        .insertInto('users')
        .values(userRow({ name: 'x'.repeat(256) }))
        .execute(),
    )
  })

  it('has a primary key on every table', async () => {
    const made = migrations.flatMap(({ steps }) => steps.flatMap((step) => ('table' in step ? [step.table] : [])))
    const tables = [...made, 'leases', 'schema_migrations']
    const found = {
      sqlite: sql`select m.name from sqlite_master m where m.type = 'table' and exists
        (select 1 from pragma_table_info(m.name) where pk > 0)`,
      mysql: sql`select table_name as name from information_schema.table_constraints
        where table_schema = database() and constraint_type = 'PRIMARY KEY'`,
      postgres: sql`select table_name as name from information_schema.table_constraints
        where table_schema = current_schema() and constraint_type = 'PRIMARY KEY'`,
    }[database.dialect.name]
    const { rows } = await (found as typeof found & ReturnType<typeof sql<{ name: string }>>).execute(database.db)
    assert.deepEqual((rows as { name: string }[]).map(({ name }) => name).sort(), tables.sort())
  })
})
