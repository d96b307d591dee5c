import { after, before, describe } from 'node:test'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { type DatabaseName, onEachDatabase } from '../support/databases.ts'

/** Declares the promises of a store, once for each database; the tables are there and empty at first. */
export function describeStore(title: string, declare: (database: () => Database, name: DatabaseName) => void): void {
  onEachDatabase((name, url) => {
    describe(title, () => {
      let database: Database
      before(async () => {
        database = await openDatabase({ url: url() })
      })
      after(() => database?.close())
      declare(() => database, name)
    })
  })
}

/** What a rejected promise was rejected with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not fail.')
}
