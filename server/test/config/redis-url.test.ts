import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/config.ts'
import { parseRedisUrl, redisUrl } from '../../src/config/redis-url.ts'

const load = (url: string) => loadConfig({ env: { NTT_AUTH_REDIS_URL: url }, flags: {} }).config

test('a Redis URL names server, credentials and database', () => {
  assert.deepEqual(parseRedisUrl('rediss://ada:p%40ss@[::1]:7000/3?ca=/etc/ca.pem'), {
    host: '::1',
    port: 7000,
    tls: true,
    clearChosen: false,
    caFile: '/etc/ca.pem',
    user: 'ada',
    password: 'p@ss',
    database: 3,
  })
  const { host, port, tls, user, password, database } = parseRedisUrl('redis://cache')
  assert.deepEqual([host, port, tls, user, password, database], ['cache', 6379, false, null, null, 0])
})

test('what is no Redis URL is refused by a sentence that repeats no secret', () => {
  for (const wrong of [
    'http://hunter2@cache',
    'redis://',
    'redis:cache',
    'redis://:hunter2@cache/one',
    'redis://:hunter2@cache/0#1',
    'redis://:hunter2@cache?db=hunter2',
    'redis://:hunter2@cache?ca=FILE',
    'redis://:hunter2%@cache',
  ]) {
    assert.throws(
      () => load(wrong),
      (error) => {
        assert.match(String(error), /NTT_AUTH_REDIS_URL/, wrong)
        assert.doesNotMatch(JSON.stringify(error) + String(error), /hunter2[^"]*@/, wrong)
        return true
      },
    )
  }
})

test('its password is never printed', () => {
  assert.equal(redisUrl().write('redis://ada:hunter2@cache:6379'), 'redis://[secret]@cache:6379')
  const config = load('redis://:hunter2@localhost')
  assert.equal(config.redisUrl, 'redis://:hunter2@localhost')
  assert.doesNotMatch(JSON.stringify({ ...config }) + JSON.stringify(config), /hunter2/)
})

test('Redis on another machine without TLS is named among what is insecure', () => {
  assert.deepEqual(load('redis://cache').insecure, ['env', 'redis_tls'])
  assert.deepEqual(load('rediss://cache').insecure, ['env'])
  assert.deepEqual(load('redis://127.0.0.1').insecure, ['env'])
})
