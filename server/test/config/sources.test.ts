import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/config.ts'
import { disk } from './disk.ts'
import { complaints } from './problems.ts'

const key = randomBytes(32)

function fileOf(settings: unknown, mode = 0o600) {
  return disk({ 'auth.json': { text: JSON.stringify(settings), mode } })
}

describe('precedence', () => {
  const readFile = disk({ 'auth.json': '{"port": 8083}', 'other.json': '{"port": 8084}' })

  function portOf(env: Record<string, string>, flags: Record<string, string>) {
    const { config, origins } = loadConfig({ env, flags, readFile })
    return [config.port, origins.PORT]
  }

  test('a flag beats the environment, that beats the file, that beats the default', () => {
    const env = { NTT_AUTH_PORT: '8082', NTT_AUTH_CONFIG_FILE: 'auth.json' }
    deepEqual(portOf(env, { port: '8081' }), [8081, 'flag'])
    deepEqual(portOf(env, {}), [8082, 'environment'])
    deepEqual(portOf({ NTT_AUTH_CONFIG_FILE: 'auth.json' }, {}), [8083, 'file auth.json'])
    deepEqual(portOf({}, {}), [8080, 'default'])
  })

  test('--config beats NTT_AUTH_CONFIG_FILE', () => {
    deepEqual(portOf({ NTT_AUTH_CONFIG_FILE: 'auth.json' }, { config: 'other.json' }), [8084, 'file other.json'])
  })

  test('an empty variable counts as not set, an empty flag as empty', () => {
    deepEqual(portOf({ NTT_AUTH_PORT: '', NTT_AUTH_CONFIG_FILE: '' }, {}), [8080, 'default'])
    match(complaints({ flags: { port: '' } })[0]!, /^NTT_AUTH_PORT \(flag\): "" is not a whole number/)
    const env = { NTT_AUTH_CORS_ORIGINS: 'https://a.example' }
    deepEqual(loadConfig({ env, flags: { 'cors-origins': '' } }).config.corsOrigins, [])
  })
})

describe('flags', () => {
  test('a secret is refused, and its value not repeated', () => {
    const lines = complaints({ flags: { 'master-key': 'hunter2', 'database-url': 'hunter2' } })
    equal(lines.length, 2)
    match(lines[0]!, /^NTT_AUTH_MASTER_KEY \(flag\): .*process list.*NTT_AUTH_MASTER_KEY_FILE/)
    doesNotMatch(lines.join(), /hunter2/)
  })

  test('an unknown one is refused with the nearest known', () => {
    deepEqual(complaints({ flags: { 'publik-url': 'x' } }), [
      '--publik-url (flag): There is no such setting. Did you mean --public-url?',
    ])
  })

  test('one that was not given is skipped', () => {
    equal(loadConfig({ env: {}, flags: { port: undefined } }).config.port, 8080)
  })
})

describe('environment', () => {
  test('an unknown name is refused with the nearest known, or without', () => {
    deepEqual(complaints({ env: { NTT_AUTH_MASTER_KEY_FIEL: 'x', NTT_AUTH_QQQQQQQQQQQQQQQQQQQQQQ: 'x' } }), [
      'NTT_AUTH_MASTER_KEY_FIEL (environment): There is no such setting. Did you mean NTT_AUTH_MASTER_KEY_FILE?',
      'NTT_AUTH_QQQQQQQQQQQQQQQQQQQQQQ (environment): There is no such setting. Remove it.',
    ])
  })

  test('names of tests and of others are left alone', () => {
    loadConfig({ env: { NTT_AUTH_TEST_DATABASE_URL: 'x', HOME: '/root', NTTAUTH_PORT: 'x' }, flags: {} })
  })

  test('only secrets have files of their own', () => {
    deepEqual(complaints({ env: { NTT_AUTH_PORT_FILE: '/run/port' } }), [
      'NTT_AUTH_PORT_FILE (environment): Only secrets are read from files of their own. Set NTT_AUTH_PORT.',
    ])
  })
})

describe('secrets in files', () => {
  const env = { NTT_AUTH_MASTER_KEY_FILE: '/run/key' }
  const text = key.toString('base64url')

  test('a trailing newline is trimmed, and the origin names the file variable', () => {
    for (const end of ['', '\n', '\r\n']) {
      const loaded = loadConfig({ env, flags: {}, readFile: disk({ '/run/key': text + end }) })
      deepEqual(loaded.config.masterKeys, [key])
      equal(loaded.origins.MASTER_KEY, 'environment, by NTT_AUTH_MASTER_KEY_FILE')
      deepEqual(loaded.warnings, [])
    }
  })

  test('only the newline at the end is trimmed', () => {
    const readFile = disk({ '/run/url': ' mysql://u:p@db/x \n' })
    const problems = complaints({ env: { NTT_AUTH_DATABASE_URL_FILE: '/run/url' }, readFile })
    match(problems[0]!, /^NTT_AUTH_DATABASE_URL \(environment, by NTT_AUTH_DATABASE_URL_FILE\)/)
    const sound = disk({ '/run/url': 'sqlite:my data\n' })
    const { config } = loadConfig({ env: { NTT_AUTH_DATABASE_URL_FILE: '/run/url' }, flags: {}, readFile: sound })
    equal(config.databaseUrl, 'sqlite:my data')
  })

  test('a missing, an empty and an unreadable file are errors, without errors that follow from them', () => {
    const production = {
      ...env,
      NTT_AUTH_ENV: 'production',
      NTT_AUTH_PUBLIC_URL: 'https://a.example',
      NTT_AUTH_TRUSTED_PROXIES: 'none',
    }
    const failing = (code: string) => () => {
      throw Object.assign(new Error('boom'), code === '' ? {} : { code })
    }
    const problems = [
      disk({}),
      disk({ '/run/key': '\n' }),
      failing('EACCES'),
      failing('EISDIR'),
      failing('EIO'),
      failing(''),
    ].map((readFile) => complaints({ env: production, readFile }))
    deepEqual(problems, [
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key does not exist. Name a file that this user may read.',
      ],
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key is empty. Write the secret into it, or remove the setting.',
      ],
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key may not be read by this user. Name a file that this user may read.',
      ],
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key is a directory. Name a file that this user may read.',
      ],
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key cannot be read (EIO). Name a file that this user may read.',
      ],
      [
        'NTT_AUTH_MASTER_KEY_FILE (environment): The file /run/key cannot be read (boom). Name a file that this user may read.',
      ],
    ])
  })

  test('the secret and its file together are an error that names both', () => {
    const problems = complaints({ env: { ...env, NTT_AUTH_MASTER_KEY: text }, readFile: disk({ '/run/key': text }) })
    equal(problems.length, 1)
    match(problems[0]!, /Both NTT_AUTH_MASTER_KEY and NTT_AUTH_MASTER_KEY_FILE are set/)
  })

  for (const [mode, warnings] of [
    [0o600, 0],
    [0o640, 0],
    [0o400, 0],
    [0o644, 1],
    [0o660, 1],
    [0o604, 1],
  ] as const) {
    test(`mode ${mode.toString(8)} causes ${warnings} warnings`, () => {
      const loaded = loadConfig({ env, flags: {}, readFile: disk({ '/run/key': { text, mode: 0o100000 | mode } }) })
      equal(loaded.warnings.length, warnings)
      if (warnings > 0) match(loaded.warnings[0]!, /^\/run\/key .*NTT_AUTH_MASTER_KEY_FILE.*chmod 640 \/run\/key$/)
    })
  }
})

describe('the configuration file', () => {
  const flags = { config: 'auth.json' }

  test('may hold numbers, booleans and arrays where they make sense, and null for not set', () => {
    const cors = ['https://a.example', 'https://b.example']
    const settings = { port: 8081, auto_migrate: false, cors_origins: cors, access_token_ttl: '5m', host: null }
    const { config } = loadConfig({ env: {}, flags, readFile: fileOf(settings) })
    const { port, autoMigrate, corsOrigins, accessTokenTtl, host } = config
    deepEqual([port, autoMigrate, corsOrigins, accessTokenTtl, host], [8081, false, cors, 300_000, '127.0.0.1'])
    equal(loadConfig({ env: {}, flags, readFile: fileOf({ auto_migrate: true }) }).config.autoMigrate, true)
  })

  test('refuses values of the wrong type', () => {
    const settings = { port: true, auto_migrate: 1, cors_origins: [1], access_token_ttl: 300, env: {}, data_dir: [] }
    deepEqual(complaints({ flags, readFile: fileOf(settings) }), [
      'port (file auth.json): The value has the wrong JSON type. Use a string or a number.',
      'auto_migrate (file auth.json): The value has the wrong JSON type. Use a string or a boolean.',
      'cors_origins (file auth.json): The value has the wrong JSON type. Use a string or an array of strings.',
      'access_token_ttl (file auth.json): The value has the wrong JSON type. Use a string.',
      'env (file auth.json): The value has the wrong JSON type. Use a string.',
      'data_dir (file auth.json): The value has the wrong JSON type. Use a string.',
    ])
  })

  test('judges nothing by the default of a setting that it refused', () => {
    const problems = complaints({ flags: { ...flags, host: '0.0.0.0' }, readFile: fileOf({ env: 1 }) })
    equal(problems.length, 1)
    match(problems[0]!, /^env /)
  })

  test('refuses unknown keys, also in another spelling', () => {
    deepEqual(complaints({ flags, readFile: fileOf({ PORT: 1, __proto: null, constructor: 1 }) }), [
      'PORT (file auth.json): There is no such setting. Did you mean port?',
      '__proto (file auth.json): There is no such setting. Remove it.',
      'constructor (file auth.json): There is no such setting. Remove it.',
    ])
  })

  test('may name the file of a secret, relative to itself', () => {
    const readFile = disk({
      '/etc/auth.json': '{"master_key_file": "keys/master"}',
      '/etc/keys/master': key.toString('base64url'),
    })
    const { config, origins } = loadConfig({ env: {}, flags: { config: '/etc/auth.json' }, readFile })
    deepEqual(config.masterKeys, [key])
    equal(origins.MASTER_KEY, 'file /etc/auth.json, by master_key_file')
  })

  test('refuses a secret beside its file, and a file that is no path', () => {
    deepEqual(
      complaints({ flags, readFile: fileOf({ master_key: 'x', master_key_file: 'y', database_url_file: 1 }) }).slice(
        0,
        2,
      ),
      [
        'master_key (file auth.json): Both master_key and master_key_file are set. Remove one of them.',
        'database_url_file (file auth.json): The value is not a path. Use a string.',
      ],
    )
    match(complaints({ flags, readFile: fileOf({ master_key_file: '' }) })[0]!, /not a path/)
    loadConfig({ env: {}, flags, readFile: fileOf({ master_key: null, master_key_file: null }) })
  })

  test('causes a warning when it holds a secret and others may read it', () => {
    const secret = { master_key: [key.toString('base64url')] }
    equal(loadConfig({ env: {}, flags, readFile: fileOf(secret, 0o644) }).warnings.length, 1)
    equal(loadConfig({ env: {}, flags, readFile: fileOf(secret, 0o640) }).warnings.length, 0)
    equal(loadConfig({ env: {}, flags, readFile: fileOf({ port: 1 }, 0o644) }).warnings.length, 0)
  })

  test('is refused when it names a setting twice, of which only one could count', () => {
    const complaint = '--config (file auth.json): "port" stands in it twice. Remove one of them.'
    for (const text of ['{"port": 1, "host": "::1", "port": 2}', '{"port": 1, "p\\u006frt": 1}']) {
      deepEqual(complaints({ env: {}, flags, readFile: disk({ 'auth.json': text }) }), [complaint])
    }
    const once = '{"audience": "port", "cors_origins": ["https://a.example", "https://b.example"], "port": 1}'
    equal(loadConfig({ env: {}, flags, readFile: disk({ 'auth.json': once }) }).config.port, 1)
  })

  test('is reported alone when it cannot be parsed, with the place and without its content', () => {
    const env = { NTT_AUTH_PORT: 'abc' }
    deepEqual(complaints({ env, flags, readFile: disk({ 'auth.json': '{\n  "port": 1,\n}' }) }), [
      '--config (file auth.json): It is not JSON (line 3, column 1). Mend it; the other settings are checked after that.',
    ])
    const secret = complaints({ env, flags, readFile: disk({ 'auth.json': 'hunter2' }) })
    deepEqual(secret, [
      '--config (file auth.json): It is not JSON. Mend it; the other settings are checked after that.',
    ])
  })

  test('is reported alone when it is missing or no object', () => {
    const env = { NTT_AUTH_PORT: 'abc', NTT_AUTH_CONFIG_FILE: 'auth.json' }
    deepEqual(complaints({ env, readFile: disk({}) }), [
      'NTT_AUTH_CONFIG_FILE (file auth.json): The configuration file does not exist. Name a readable JSON file.',
    ])
    for (const text of ['[]', 'null', '1']) {
      const [line, ...others] = complaints({ env, readFile: disk({ 'auth.json': text }) })
      match(line!, /not a JSON object/)
      equal(others.length, 0)
    }
  })

  test('may start with a byte order mark', () => {
    equal(loadConfig({ env: {}, flags, readFile: disk({ 'auth.json': '\uFEFF{"port": 1}' }) }).config.port, 1)
  })
})
