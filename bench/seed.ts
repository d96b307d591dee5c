/**
 * Fills an empty database with users, as many as asked for, each with a password and a session:
 *
 *     npm run bench:seed -- --users 1000000 --database sqlite:/tmp/million.sqlite
 */
import { parseArgs } from 'node:util'
import { openDatabase } from '../server/src/database/connect.ts'
import { migrateUp } from '../server/src/database/migrate.ts'
import { maskDatabaseUrl } from '../server/src/database/url.ts'
import { seed } from './support/seed.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '1000000' },
    database: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const users = Number(values.users)
if (values.help || values.database === undefined || !Number.isInteger(users) || users < 1) {
  console.log('npm run bench:seed -- --users 1000000 --database URL\n\nThe database must hold no users yet.')
  process.exit(values.help ? 0 : 2)
}

const database = await openDatabase({ url: values.database, poolSize: 4, timeout: 60_000, statementTimeout: 600_000 })
try {
  await migrateUp(database)
  const there = await database.db.selectFrom('users').select('id').limit(1).executeTakeFirst()
  if (there) {
    console.error(`${maskDatabaseUrl(values.database)} holds users already; name an empty database.`)
    process.exitCode = 1
  } else {
    const seconds = await seed(database, users, (line) => console.error(line))
    console.log(`${users} users in ${seconds.toFixed(1)} s.`)
  }
} finally {
  await database.close()
}
