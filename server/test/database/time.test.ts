import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { sql } from 'kysely'
import { systemClock } from '../../src/clock.ts'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { clockSkew, commonTime } from '../../src/database/time.ts'
import { onEachDatabase } from '../support/databases.ts'

const [minute, day] = [60_000, 24 * 60 * 60_000]

onEachDatabase((name, url) => {
  let database: Database
  before(async () => {
    database = await openDatabase({ url: url(), poolSize: 1 })
  })
  after(() => database.close())

  it("tells the database's time of day in whole milliseconds, in whatever zone the session is", async () => {
    if (name === 'SQLite') return assert.equal(await clockSkew(database, systemClock), null)
    for (const zone of ['+00:00', '+05:45', '-11:00']) {
      await sql.raw(name === 'MariaDB' ? `set time_zone = '${zone}'` : `set time zone '${zone}'`).execute(database.db)
      const skew = (await clockSkew(database, systemClock))!
      assert.ok(Number.isInteger(skew) && Math.abs(skew) < minute, `${zone}: ${skew} ms`)
    }
  })

  it('is shared by nodes whose own clocks differ; what may be deleted goes by the earlier one', async () => {
    if (name === 'SQLite') return
    const fast = { now: () => Date.now() + day }
    const slow = { now: () => Date.now() - day }
    const near = (time: number, other: number) => assert.ok(Math.abs(time - other) < minute, `${time - other} ms`)
    for (const clock of [fast, slow]) near(await commonTime(database, clock).shared(), Date.now())
    near(await commonTime(database, fast).earlier(), Date.now())
    near(await commonTime(database, slow).earlier(), slow.now())
  })
})
