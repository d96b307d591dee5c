import { deepEqual, doesNotMatch, equal, match, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { loadConfig } from '../../src/config/config.ts'

const key = randomBytes(32)
const env = {
  NTT_AUTH_DATABASE_URL: 'mysql://u:hunter2@db/auth',
  NTT_AUTH_MASTER_KEY: key.toString('base64url'),
}
const { config } = loadConfig({ env, flags: {} })
const leaks = new RegExp(
  `hunter2|${key.toString('base64url')}|${key.toString('hex').slice(0, 8)}|${[...key].slice(0, 4).join(',')}`,
)

test('secrets are there for who asks by name', () => {
  equal(config.databaseUrl, env.NTT_AUTH_DATABASE_URL)
  deepEqual(config.masterKeys, [key])
})

test('secrets are masked however the configuration is printed', () => {
  const prints = [
    JSON.stringify(config),
    JSON.stringify({ deep: [config] }),
    inspect(config),
    inspect({ deep: { config } }, { depth: 9, showHidden: true }),
    inspect(config, { showHidden: true, customInspect: false, depth: 9 }),
    JSON.stringify({ ...config }),
    inspect(Object.assign({}, config)),
    String(config),
  ]
  for (const print of prints) doesNotMatch(print.replaceAll(/\s/g, ''), leaks)
  match(prints[0]!, /"masterKeys":"\[secret\]"/)
  match(prints[2]!, /databaseUrl: '\[secret\]'/)
  match(prints[2]!, /port: 8080/)
})

test('a configuration cannot be changed', () => {
  throws(() => Object.assign(config, { port: 1 }), TypeError)
  throws(() => Object.assign(config, { databaseUrl: 'x' }), TypeError)
})
