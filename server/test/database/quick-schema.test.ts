import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openDatabase } from '../../src/database/connect.ts'
import { checkSchema, migrateUp } from '../../src/database/migrate.ts'
import { freshDatabase, onEachDatabase } from '../support/databases.ts'
import { dumpSchema } from '../support/schema-dump.ts'

onEachDatabase((name, url) => {
  it('tests start on the schema that the migrations make', async () => {
    const [quick, slow] = [await openDatabase({ url: url() }), await freshDatabase(name, { bare: true })]
    const database = await openDatabase({ url: slow.url })
    try {
      await migrateUp(database)
      assert.equal(await checkSchema(quick), 'current')
      assert.deepEqual(await dumpSchema(quick), await dumpSchema(database))
    } finally {
      await Promise.all([quick.close(), database.close()])
      await slow.drop()
    }
  })
})
