import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openDatabase } from '../../src/database/connect.ts'
import { checkSchema, migrateDown, migrateUp } from '../../src/database/migrate.ts'
import { onEachDatabase } from '../support/databases.ts'

onEachDatabase((_name, url) => {
  it('goes up, down and up again', async () => {
    const database = await openDatabase({ url: url() })
    assert.equal(await checkSchema(database), 'pending')
    await migrateUp(database)
    assert.equal(await checkSchema(database), 'current')
    await migrateDown(database, { to: null })
    assert.equal(await checkSchema(database), 'pending')
    await migrateUp(database)
    assert.equal(await checkSchema(database), 'current')
    await database.close()
  })
})
