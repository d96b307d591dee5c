/**
 * Runs as a process of its own: migrates up, and is killed the hard way at the boundary it is told.
 * Arguments: database URL, number of the boundary, milliseconds the lease lasts.
 */
import { openDatabase } from '../../src/database/connect.ts'
import { migrateUp } from '../../src/database/migrate.ts'

const [url, boundary, leaseDuration] = process.argv.slice(2)
let seen = 0
const database = await openDatabase({ url: url! })
await migrateUp(database, {
  leaseDuration: Number(leaseDuration),
  boundary: () => {
    if (++seen === Number(boundary)) process.kill(process.pid, 'SIGKILL')
  },
})
await database.close()
