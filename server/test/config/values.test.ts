import { deepEqual, doesNotMatch, equal, match, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/config.ts'
import { type SettingName, settingNames, settingOf } from '../../src/config/env.ts'
import { choice, duration, host, integer, list, onOff, path, writeDuration } from '../../src/config/values.ts'
import { problemsOf } from './problems.ts'

const key = randomBytes(32)

/** Accepted texts and refused ones, of each setting that has rules of its own. */
const table: Partial<Record<SettingName, { accepts: string[]; refuses: string[] }>> = {
  ENV: { accepts: ['development'], refuses: ['prod', 'Development'] },
  HOST: {
    accepts: ['localhost', '127.0.0.1', '::1'],
    refuses: ['localhost:80', '[::1]', 'a b', '-x', '300.1.1.1', 'a_b', 'http://localhost'],
  },
  PORT: { accepts: ['0', '65535'], refuses: ['65536', '8e1', '-1', '80.5', ' 80', '9'.repeat(16)] },
  MANAGEMENT_HOST: { accepts: ['0.0.0.0', 'localhost'], refuses: ['[::1]'] },
  MANAGEMENT_PORT: { accepts: ['0', '65535'], refuses: ['65536'] },
  PUBLIC_URL: {
    accepts: ['https://a.example', 'http://localhost:8080/auth', 'HTTPS://A.example/'],
    refuses: [
      'a.example',
      '//a.example',
      'ftp://a.example',
      'https://u@a.example',
      'https://:p@a.example',
      'https://',
    ].concat(['https://a.example/?', 'https://a.example/?x=1', 'https://a.example/#', 'http:a.example', '/auth']),
  },
  AUDIENCE: { accepts: ['api', 'a'.repeat(255)], refuses: ['a b', 'a'.repeat(256), 'ä'] },
  CORS_ORIGINS: {
    accepts: ['https://a.example', 'http://localhost:3000', '*'],
    refuses: [
      'https://a.example/',
      'https://A.example',
      'https://a.example:443',
      'a.example',
      'null',
      'https://*.example',
    ],
  },
  TRUSTED_PROXIES: {
    accepts: ['none', '10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '10.0.0.1/32', '::1/128'],
    refuses: [
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '10.0.0/8',
      'proxy',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      'fe80::1%eth0',
      'none,10.0.0.1',
      'None',
      ',',
    ],
  },
  DATABASE_URL: {
    accepts: ['sqlite:x', 'sqlite::memory:'],
    refuses: ['sqlite:', 'x', 'mysql://db', 'oracle://a:b@c/d'],
  },
  DATABASE_POOL_SIZE: { accepts: ['1', '1000'], refuses: ['0', '1001'] },
  DATABASE_TIMEOUT: { accepts: ['100ms', '5m'], refuses: ['99ms', '6m', '5'] },
  AUTO_MIGRATE: { accepts: ['on', 'off'], refuses: ['true', 'ON', '1'] },
  DATA_DIR: { accepts: ['/var/lib/x'], refuses: ['a\0b'] },
  MASTER_KEY: {
    accepts: [key.toString('base64url'), `${key.toString('base64url')},${randomBytes(32).toString('base64url')}`],
    refuses: [
      `${key.toString('base64url')}=`,
      randomBytes(31).toString('base64url'),
      randomBytes(33).toString('base64url'),
      key.toString('hex'),
      `${key.toString('base64url').slice(0, 42)}`,
      Buffer.alloc(32).toString('base64url'),
      Buffer.alloc(32, 'abcdefgh').toString('base64url'),
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64url'),
      Buffer.from(Array.from({ length: 32 }, (_, index) => index * 3)).toString('base64url'),
      Buffer.from('hgfbaecdhbagfecdbhgaecfdgbahefcd').toString('base64url'),
      'not base64url!',
      `${key.toString('base64url')},x`,
    ],
  },
  // Revocations of keys reckon with a day.
  JWKS_MAX_AGE: { accepts: ['1s', '9m'], refuses: ['25h', '2d'] },
  ACCESS_TOKEN_TTL: { accepts: ['10s', '1h', '60m'], refuses: ['9s', '61m', '15', '15 m', 'm', '1.5m', '-1m', '15M'] },
  SIGNING_ALGORITHM: { accepts: ['ES256', 'EdDSA', 'RS256'], refuses: ['HS256', 'none', 'es256'] },
  PASSWORD_HASH: { accepts: ['bcrypt', 'argon2id'], refuses: ['md5'] },
  BCRYPT_COST: { accepts: ['10', '15'], refuses: ['9', '16'] },
  PASSWORD_MIN_LENGTH: { accepts: ['8', '64'], refuses: ['7', '65'] },
  HASH_THREADS: { accepts: ['1', '256'], refuses: ['0'] },
  HASH_MAX_WAIT: { accepts: ['0ms', '0s', '1m'], refuses: ['61s'] },
  REGISTRATION: { accepts: ['open', 'invite', 'closed'], refuses: ['Invite'] },
  EMAIL_VERIFICATION: { accepts: ['optional', 'required'], refuses: ['on'] },
  LOG_LEVEL: { accepts: ['debug'], refuses: ['verbose'] },
  SHUTDOWN_DELAY: { accepts: ['0s', '5m'], refuses: ['6m'] },
  SHUTDOWN_TIMEOUT: { accepts: ['1s'], refuses: ['0s'] },
}

for (const [name, { accepts, refuses }] of Object.entries(table)) {
  describe(name, () => {
    for (const text of accepts) {
      test(`accepts ${text.slice(0, 60)}`, () => {
        loadConfig({ env: { [`NTT_AUTH_${name}`]: text }, flags: {} })
      })
    }
    for (const text of refuses) {
      test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
        const problems = problemsOf({ env: { [`NTT_AUTH_${name}`]: text } })
        deepEqual(
          problems.map((problem) => [problem.name, problem.source]),
          [[`NTT_AUTH_${name}`, 'environment']],
        )
        match(problems[0]!.problem, /^.+\.$/s)
      })
    }
  })
}

test('a public URL is normalised and loses its trailing slashes', () => {
  const publicUrl = (text: string) => loadConfig({ env: { NTT_AUTH_PUBLIC_URL: text }, flags: {} }).config.publicUrl
  equal(publicUrl('HTTPS://A.example:443/'), 'https://a.example')
  equal(publicUrl('https://a.example/auth//'), 'https://a.example/auth')
})

test('an address with a password is refused without repeating the password', () => {
  for (const name of ['PUBLIC_URL', 'CORS_ORIGINS']) {
    for (const text of ['https://u:hunter2@a.example', 'http://u:hunter2@', 'https://u:hunter2@a.example/x']) {
      const [problem] = problemsOf({ env: { [`NTT_AUTH_${name}`]: text } })
      doesNotMatch(problem!.problem, /hunter2/)
    }
  }
})

test('a database password never appears in a complaint', () => {
  for (const url of ['oracle://u:hunter2@db/x', 'mysql://u:hunter2@', 'mysql://u:hunter2@db/x?y=1', 'u:hunter2@db']) {
    const problems = problemsOf({ env: { NTT_AUTH_DATABASE_URL: url } })
    doesNotMatch(JSON.stringify(problems), /hunter2/)
  }
})

test('every default can be read, and what is written can be read again', () => {
  for (const name of settingNames) {
    const setting = settingOf(name)
    if (setting.default === undefined || setting.secret) continue
    const value = setting.type.read(setting.default)
    deepEqual(setting.type.read(setting.type.write(value)), value, name)
  }
})

test('every setting is explained in one sentence and has a default in words or in form', () => {
  for (const name of settingNames) {
    const setting = settingOf(name)
    match(setting.meaning, /^[A-Z].*\.$/)
    equal(setting.default !== undefined || setting.defaultMeaning !== undefined, true, name)
  }
})

test('durations are milliseconds, and written in the largest unit that fits', () => {
  const { read } = duration('0s', '3650d')
  deepEqual(
    ['1500ms', '900s', '15m', '12h', '30d', '0s'].map(read),
    [1500, 900_000, 900_000, 43_200_000, 2_592_000_000, 0],
  )
  deepEqual([0, 1500, 900_000, 43_200_000, 2_592_000_000, 1001].map(writeDuration), [
    '0s',
    '1500ms',
    '15m',
    '12h',
    '30d',
    '1001ms',
  ])
})

test('a list skips empty entries and complains about every wrong one', () => {
  const numbers = list(integer(1, 9))
  deepEqual(numbers.read(' 1, ,2,'), [1, 2])
  deepEqual(numbers.read(''), [])
  equal(numbers.write([1, 2]), '1,2')
  throws(() => numbers.read('1,x,10'), /^Error: "x" is not a whole number\. 10 is out of range\.$/)
})

test('numbers that are no address are no host name either', () => {
  for (const text of ['300.1.1.1', '1.2.3', 'a.1'])
    throws(() => host().read(text), /neither an IP address nor a host name/)
})

test('an empty path is refused', () => {
  throws(() => path().read(''), /not a path/)
})

test('choices and switches are written as they are read', () => {
  equal(choice('a', 'b').write('b'), 'b')
  deepEqual([onOff().write(true), onOff().write(false)], ['on', 'off'])
})
