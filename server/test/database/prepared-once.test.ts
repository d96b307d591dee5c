import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/database/connect.ts'
import { migrateUp } from '../../src/database/migrate.ts'
import { findSessionWithUser } from '../../src/domain/sessions/store.ts'
import { newId } from '../../src/random.ts'

test('SQLite does not prepare a join anew for every value', async (t) => {
  const database = await openDatabase({ url: 'sqlite::memory:' })
  t.after(() => database.close())
  await migrateUp(database)
  const { db } = database
  const [user, now] = [newId(Date.now()), Date.now()]
  const person = { id: user, email: 'ada@example.com', name: null, locale: null, roles: '[]', metadata: '{}' }
  const times = { created_at: now, updated_at: now, email_verified: 0, status: 'active' as const }
  await db
    .insertInto('users')
    .values({ ...person, ...times })
    .execute()
  const sessions = Array.from({ length: 5 }, () => ({
    id: newId(now),
    user_id: user,
    generation: 0,
    rotated_at: now,
    redeemers: Buffer.alloc(64),
    idle_expires_at: now,
    absolute_expires_at: now,
    created_at: now,
    last_used_at: now,
  }))
  await db.insertInto('sessions').values(sessions).execute()

  // The driver compiles a function that makes rows each time that SQLite has prepared a statement.
  const compile = t.mock.method(globalThis, 'Function')
  for (const { id } of sessions) assert.equal((await findSessionWithUser(db, { id })).rows[0]?.email, 'ada@example.com')
  assert.equal(compile.mock.callCount(), 1)
})
