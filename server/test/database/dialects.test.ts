import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mysql } from '../../src/database/dialects/mysql.ts'
import { postgres } from '../../src/database/dialects/postgres.ts'
import { sqlite } from '../../src/database/dialects/sqlite.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'

const number = (errno: number, message = '') => Object.assign(new Error(message), { errno })
const code = (text: string, message = '') => Object.assign(new Error(message), { code: text })

describe('the verdict on an error', () => {
  it('of MySQL and its kin', () => {
    for (const errno of [1213, 1205, 3101, 1047, 1290, 1792, 8002, 8005, 8022, 9007]) {
      assert.ok(mysql.isRetryable(number(errno)), String(errno))
    }
    const commit = 'Got error 149 - "Lock deadlock; Retry transaction" during COMMIT'
    assert.ok(mysql.isRetryable(number(1180, commit)))
    assert.ok(!mysql.isRetryable(number(1180, 'Got error 28 during COMMIT')))
    assert.ok(!mysql.isRetryable(number(1062)) && mysql.isDuplicate(number(1062)))
    assert.ok(mysql.isConnectionLost(code('PROTOCOL_CONNECTION_LOST')))
    assert.ok(mysql.isConnectionLost(number(1053)))
    assert.ok(mysql.isUnavailable(code('PROTOCOL_SEQUENCE_TIMEOUT')))
    assert.ok(!mysql.isConnectionLost(code('PROTOCOL_SEQUENCE_TIMEOUT')))
    assert.ok(mysql.isUnavailable(number(1047)))
    for (const full of [
      number(1114),
      number(1021),
      number(1290),
      number(1180, 'Got error 28 "No space" during COMMIT'),
    ]) {
      assert.ok(mysql.refusesWrites(full) && mysql.isUnavailable(full), String(full.errno))
    }
    assert.ok(!mysql.refusesWrites(number(1180, commit)) && !mysql.refusesWrites(number(1213)))
  })

  it('of PostgreSQL', () => {
    for (const state of ['40001', '40P01', '55P03', '25006']) assert.ok(postgres.isRetryable(code(state)), state)
    for (const state of ['08006', '57P01', '57P02', '57P03']) assert.ok(postgres.isConnectionLost(code(state)), state)
    assert.ok(postgres.isConnectionLost(new Error('Connection terminated unexpectedly')))
    assert.ok(postgres.isUnavailable(new Error('Query read timeout')))
    assert.ok(!postgres.isConnectionLost(new Error('Query read timeout')))
    assert.ok(postgres.isUnavailable(code('53300')))
    for (const state of ['53100', '58030', '25006']) {
      assert.ok(postgres.refusesWrites(code(state)) && postgres.isUnavailable(code(state)), state)
    }
    assert.ok(!postgres.refusesWrites(code('53300')))
    assert.ok(postgres.isDuplicate(code('23505')) && !postgres.isRetryable(code('23505')))
  })

  it('of SQLite', () => {
    for (const name of ['SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_LOCKED'])
      assert.ok(sqlite.isRetryable(code(name)))
    for (const name of ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY']) {
      assert.ok(sqlite.isUnavailable(code(name)) && sqlite.refusesWrites(code(name)), name)
    }
    assert.ok(sqlite.isBusy(code('SQLITE_BUSY')) && !sqlite.refusesWrites(code('SQLITE_BUSY')))
    assert.ok(!sqlite.isDuplicate(code('SQLITE_CONSTRAINT_NOTNULL')))
    assert.ok(!sqlite.isConnectionLost(code('ECONNRESET')))
  })

  it('of anything else is no', () => {
    for (const dialect of [mysql, postgres, sqlite]) {
      for (const thrown of [undefined, null, 'text', new Error('mistake'), { code: 1, errno: 'x', message: 2 }]) {
        assert.ok(!dialect.isDuplicate(thrown) && !dialect.isRetryable(thrown))
        assert.ok(!dialect.isConnectionLost(thrown) && !dialect.isUnavailable(thrown))
        assert.ok(!dialect.isBusy(thrown) && !dialect.refusesWrites(thrown))
      }
    }
  })
})

describe('a dialect', () => {
  it('opens nothing but its own', async () => {
    const limits = { poolSize: 1, timeout: 1, statementTimeout: 1 }
    await assert.rejects(mysql.open(parseDatabaseUrl('sqlite:x'), limits))
    await assert.rejects(postgres.open(parseDatabaseUrl('sqlite:x'), limits))
    await assert.rejects(sqlite.open(parseDatabaseUrl('mysql://u@h/d'), limits))
  })
})
