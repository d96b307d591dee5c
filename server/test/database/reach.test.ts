import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Database } from '../../src/database/connect.ts'
import { reachDatabase } from '../../src/database/reach.ts'

const url = 'postgres://auth:hidden-word@db/auth'
const says = async (error: object) => {
  const database = { ping: () => Promise.reject(error) } as unknown as Database
  const thrown = await reachDatabase(database, url).then(
    () => null,
    (error: Error) => error,
  )
  assert.doesNotMatch(thrown!.message, /hidden-word|\.\./)
  return /^The database at \S+ (.*)\. Check NTT_AUTH_DATABASE_URL, and that/.exec(thrown!.message)?.[1]
}

it('the first words with a database say whether it refuses or is silent, in sentences', async () => {
  const silence = Object.assign(new Error('The database did not answer within 500 ms.'), { code: 'ETIMEDOUT' })
  assert.equal(await says(silence), 'does not answer: The database did not answer within 500 ms')
  const ofDriver = new Error('timeout exceeded when trying to connect')
  assert.equal(await says(ofDriver), 'does not answer: timeout exceeded when trying to connect')
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND db'), { code: 'ENOTFOUND' })
  assert.equal(await says(unknown), 'does not answer: getaddrinfo ENOTFOUND db')
  const refused = Object.assign(new Error('password authentication failed for user "auth"'), { code: '28P01' })
  assert.equal(await says(refused), 'does not let us in: password authentication failed for user "auth"')
  const several = Object.assign(new Error(''), { code: 'ECONNREFUSED' })
  assert.equal(await says(several), 'does not let us in: ECONNREFUSED')
})
