import { deepEqual, equal, match } from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { loadConfig, misgivings } from '../../src/config/config.ts'
import { complaints, problemsOf } from './problems.ts'

const key = randomBytes(32).toString('base64url')
const production = {
  NTT_AUTH_ENV: 'production',
  NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
  NTT_AUTH_MASTER_KEY: key,
  NTT_AUTH_TRUSTED_PROXIES: '10.0.0.5',
}

function configOf(env: Record<string, string>) {
  return loadConfig({ env, flags: {} }).config
}

function names(env: Record<string, string>) {
  return problemsOf({ env }).map(({ name }) => name.replace('NTT_AUTH_', ''))
}

describe('defaults', () => {
  test('a server that was told nothing runs on this machine with an embedded database', () => {
    const { databaseUrl, masterKeys } = configOf({})
    equal(databaseUrl, `sqlite:${resolve('data/ntt-auth.sqlite')}`)
    equal(masterKeys, null)
    deepEqual(
      { ...configOf({}) },
      {
        env: 'development',
        insecure: ['env'],
        host: '127.0.0.1',
        port: 8080,
        managementHost: '127.0.0.1',
        managementPort: 9090,
        workers: 1,
        publicUrl: 'http://127.0.0.1:8080',
        issuer: 'http://127.0.0.1:8080',
        audience: 'http://127.0.0.1:8080',
        appUrl: null,
        corsOrigins: [],
        trustedProxies: [],
        databasePoolSize: 10,
        databaseTimeout: 5000,
        autoMigrate: true,
        embedded: true,
        dataDir: resolve('data'),
        accessTokenTtl: 15 * 60_000,
        sessionIdleTtl: 30 * 86_400_000,
        sessionAbsoluteTtl: 90 * 86_400_000,
        sessionLimit: 100,
        deletionDelay: 0,
        registrationTtl: 604_800_000,
        cleanupInterval: 10 * 60_000,
        signingAlgorithm: 'ES256',
        keyRotationInterval: 90 * 86_400_000,
        keyPublishAhead: 10 * 60_000,
        jwksMaxAge: 5 * 60_000,
        passwordHash: 'bcrypt',
        bcryptCost: 12,
        passwordMinLength: 8,
        hashThreads: availableParallelism(),
        hashMaxWait: 1500,
        revocationFailure: 'open',
        revocationMaxAge: 10_000,
        revocationStreams: 500,
        registration: 'open',
        emailVerification: 'optional',
        smtpTimeout: 30_000,
        mailFrom: { name: null, address: 'no-reply@127.0.0.1' },
        mailTemplates: null,
        rateLimits: true,
        auditRetention: 365 * 86_400_000,
        logLevel: 'info',
        tracing: false,
        shutdownDelay: 0,
        shutdownTimeout: 20_000,
      },
    )
  })

  test('production waits before it closes the listener', () => {
    equal(configOf(production).shutdownDelay, 5000)
    equal(configOf({ ...production, NTT_AUTH_SHUTDOWN_DELAY: '1s' }).shutdownDelay, 1000)
  })

  test('the audience is the issuer unless it is set', () => {
    equal(configOf(production).audience, 'https://auth.example.com')
    equal(configOf({ ...production, NTT_AUTH_AUDIENCE: 'api' }).audience, 'api')
  })

  test('an IPv6 address stands in brackets in the public URL', () => {
    equal(configOf({ NTT_AUTH_HOST: '::1' }).publicUrl, 'http://[::1]:8080')
  })

  test('a database server is not migrated unless that is asked for', () => {
    const server = { NTT_AUTH_DATABASE_URL: 'mysql://u:p@db/auth', NTT_AUTH_MASTER_KEY: key }
    const { autoMigrate, embedded, databaseUrl } = configOf(server)
    deepEqual(
      { autoMigrate, embedded, databaseUrl },
      { autoMigrate: false, embedded: false, databaseUrl: 'mysql://u:p@db/auth' },
    )
    equal(configOf({ ...server, NTT_AUTH_AUTO_MIGRATE: 'on' }).autoMigrate, true)
    equal(configOf({ NTT_AUTH_AUTO_MIGRATE: 'off' }).autoMigrate, false)
  })

  test('master keys are the current one first, then previous ones', () => {
    const previous = randomBytes(32)
    const { masterKeys } = configOf({ ...production, NTT_AUTH_MASTER_KEY: `${key}, ${previous.toString('base64url')}` })
    deepEqual(masterKeys, [Buffer.from(key, 'base64url'), previous])
  })
})

describe('several workers', () => {
  const master = createHash('sha256').update('workers').digest('base64url')
  const server = { NTT_AUTH_DATABASE_URL: 'postgres://ntt@127.0.0.1/auth', NTT_AUTH_MASTER_KEY: master }

  test('need a database server', () => {
    deepEqual(names({ NTT_AUTH_WORKERS: '2' }), ['WORKERS'])
    equal(configOf({ NTT_AUTH_WORKERS: '1' }).workers, 1)
    equal(configOf({ ...server, NTT_AUTH_WORKERS: '2' }).workers, 2)
  })

  test('need room for their management listeners', () => {
    const at = (port: string, management: string) => ({
      ...server,
      ...{ NTT_AUTH_WORKERS: '4', NTT_AUTH_PORT: port, NTT_AUTH_MANAGEMENT_PORT: management },
    })
    for (const [port, management] of [
      ['9090', '9090'],
      ['9093', '9090'],
      ['8080', '65533'],
    ] as const) {
      deepEqual(names(at(port, management)), ['MANAGEMENT_PORT'])
    }
    for (const [port, management] of [
      ['9094', '9090'],
      ['9089', '9090'],
      ['8080', '65532'],
      ['0', '0'],
    ] as const) {
      equal(configOf(at(port, management)).managementPort, Number(management))
    }
  })

  test('share the hashing threads, and have one at least', () => {
    const threads = (all: string, workers: string) =>
      configOf({ ...server, NTT_AUTH_HASH_THREADS: all, NTT_AUTH_WORKERS: workers }).hashThreads
    deepEqual([threads('8', '1'), threads('8', '3'), threads('2', '4')], [8, 2, 1])
  })
})

describe('production refuses', () => {
  test('nothing of a sound configuration', () => {
    equal(configOf(production).issuer, 'https://auth.example.com')
  })

  test('to start without a master key, a public URL or a word about proxies', () => {
    const missing = ['PUBLIC_URL', 'TRUSTED_PROXIES', 'MASTER_KEY']
    deepEqual(names({ NTT_AUTH_ENV: 'production' }), missing)
    const empty = { NTT_AUTH_PUBLIC_URL: '', NTT_AUTH_TRUSTED_PROXIES: '', NTT_AUTH_MASTER_KEY: '' }
    deepEqual(names({ NTT_AUTH_ENV: 'production', ...empty }), missing)
  })

  test('that all clients share one bucket, unless somebody says that none stands in between', () => {
    const { NTT_AUTH_TRUSTED_PROXIES: _, ...unnamed } = production
    deepEqual(complaints({ env: unnamed }), [
      'NTT_AUTH_TRUSTED_PROXIES (default): In production something in front of the server ends TLS, and as long as it is ' +
        'not named all clients are taken for one: they share one bucket of each limit, and can lock each other out. Name ' +
        'the addresses of your proxies, e.g. 10.0.0.5,192.168.7.0/24, or set it to none if the server sees the addresses ' +
        'of its callers themselves.',
    ])
    deepEqual(configOf({ ...unnamed, NTT_AUTH_TRUSTED_PROXIES: 'none' }).trustedProxies, [])
    deepEqual(names({ ...unnamed, NTT_AUTH_TRUSTED_PROXIES: 'none,10.0.0.5' }), ['TRUSTED_PROXIES'])
  })

  for (const url of ['http://auth.example.com', 'http://127.0.0.1:8080', 'http://localhost']) {
    test(`the public URL ${url}`, () => deepEqual(names({ ...production, NTT_AUTH_PUBLIC_URL: url }), ['PUBLIC_URL']))
  }

  test('to speak in the clear with a database on another machine, unless somebody says so', () => {
    const at = (url: string) => ({ ...production, NTT_AUTH_DATABASE_URL: url })
    for (const host of ['db.example.com', '10.0.0.7', '[2001:db8::1]', '127.0.0.1.example.com']) {
      for (const scheme of ['mysql', 'mariadb', 'postgres', 'postgresql']) {
        const [told, ...more] = complaints({ env: at(`${scheme}://u:hunter2@${host}/auth`) })
        match(told!, /^NTT_AUTH_DATABASE_URL \(environment\): Nothing says .* encrypted.*Add \?tls=verify/)
        deepEqual([more, told!.includes('hunter2')], [[], false])
      }
    }
    for (const tls of ['tls=require', 'tls=off', 'sslmode=disable', 'tls=verify']) {
      equal(configOf(at(`postgres://u:p@db.example.com/auth?${tls}`)).env, 'production', tls)
    }
    deepEqual(configOf(at('mysql://u:p@db.example.com/auth?tls=off')).insecure, ['database_tls'])
    for (const here of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]']) {
      deepEqual(configOf(at(`mysql://u:p@${here}/auth`)).insecure, [], here)
    }
    deepEqual(configOf(at('mysql://u:p@db/auth?socket=/run/mysqld.sock')).insecure, [])
    const developing = { NTT_AUTH_MASTER_KEY: key, NTT_AUTH_DATABASE_URL: 'mysql://u:p@db.example.com/auth' }
    deepEqual(configOf(developing).insecure, ['env', 'database_tls'])
  })

  test('to speak in the clear with Redis on another machine, unless somebody says so', () => {
    const at = (url: string) => ({ ...production, NTT_AUTH_REDIS_URL: url })
    deepEqual(names(at('redis://u:p@redis.example.com:6379/0')), ['REDIS_URL'])
    for (const url of ['redis://redis.example.com?tls=off', 'rediss://redis.example.com', 'redis://127.0.0.1']) {
      equal(configOf(at(url)).env, 'production', url)
    }
    deepEqual(configOf({ NTT_AUTH_REDIS_URL: 'redis://redis.example.com' }).insecure, ['env', 'redis_tls'])
    for (const senseless of ['rediss://redis.example.com?tls=off', 'redis://redis.example.com?tls=on']) {
      deepEqual(names(at(senseless)), ['REDIS_URL'], senseless)
    }
  })

  for (const network of [
    '0.0.0.0/0',
    '128.0.0.0/1',
    '::/0',
    '::/80',
    '::ffff:0:0/88',
    '2000::/3',
    '::ffff:0:0/96',
    '::ffff:8.0.0.0/97',
  ]) {
    test(`to trust ${network}`, () => {
      deepEqual(names({ ...production, NTT_AUTH_TRUSTED_PROXIES: `10.0.0.1,${network}` }), ['TRUSTED_PROXIES'])
    })
  }

  test('no private network', () => {
    const networks = ['10.0.0.0/8', '192.168.1.1', 'fc00::/7', '::1', '::ffff:10.0.0.0/104', '2001:db8::/100']
    const { trustedProxies } = configOf({ ...production, NTT_AUTH_TRUSTED_PROXIES: networks.join(',') })
    deepEqual(trustedProxies, networks)
  })

  test('passwords that may be guessed for ever', () => {
    equal(configOf(production).rateLimits, true)
    deepEqual(names({ ...production, NTT_AUTH_RATE_LIMITS: 'off' }), ['RATE_LIMITS'])
    const unlimited = configOf({ NTT_AUTH_RATE_LIMITS: 'off' })
    deepEqual([unlimited.rateLimits, unlimited.insecure], [false, ['env', 'rate_limits']])
  })

  test('every web page as an origin', () => {
    deepEqual(names({ ...production, NTT_AUTH_CORS_ORIGINS: '*' }), ['CORS_ORIGINS'])
    deepEqual(configOf({ NTT_AUTH_CORS_ORIGINS: '*' }).corsOrigins, ['*'])
  })

  test('a page in the clear as an origin, except on this machine', () => {
    for (const origin of ['http://app.example.com', 'http://127.0.0.1.example.com', 'http://10.0.0.1:3000']) {
      deepEqual(
        names({ ...production, NTT_AUTH_CORS_ORIGINS: `https://a.example,${origin}` }),
        ['CORS_ORIGINS'],
        origin,
      )
    }
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      deepEqual(configOf({ ...production, NTT_AUTH_CORS_ORIGINS: origin }).corsOrigins, [origin])
    }
    deepEqual(configOf({ NTT_AUTH_CORS_ORIGINS: 'http://app.example.com' }).env, 'development')
  })

  test('no links that go nowhere, but not without a word', () => {
    const wordsOf = (env: Record<string, string>) => misgivings(configOf(env)).map((text) => text.split(/[ =]/)[0])
    deepEqual(wordsOf(production), [])
    const required = { ...production, NTT_AUTH_EMAIL_VERIFICATION: 'required' }
    deepEqual(wordsOf(required), ['NTT_AUTH_EMAIL_VERIFICATION'])
    deepEqual(wordsOf({ ...required, NTT_AUTH_SMTP_URL: 'smtp://mail.example.com' }), [])
    deepEqual(wordsOf({ NTT_AUTH_EMAIL_VERIFICATION: 'required' }), [], 'development shows the links in its log')
  })
})

describe('development', () => {
  test('does not trust everybody as a proxy without a word', () => {
    const wordsOf = (networks: string) => misgivings(configOf({ NTT_AUTH_TRUSTED_PROXIES: networks })).join()
    match(wordsOf('0.0.0.0/0'), /^NTT_AUTH_TRUSTED_PROXIES believes everybody in 0\.0\.0\.0\/0: .*forge/)
    match(wordsOf('10.0.0.5,::/0'), /everybody in ::\/0/)
    equal(wordsOf('10.0.0.0/8,::1'), '')
  })

  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'auth.example.com']) {
    test(`refuses to listen on ${host} and says what to do`, () => {
      match(complaints({ env: { NTT_AUTH_HOST: host } })[0]!, /^NTT_AUTH_HOST .*Set NTT_AUTH_ENV=production/)
      equal(configOf({ ...production, NTT_AUTH_HOST: host }).host, host)
    })
  }

  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) {
    test(`listens on ${host}`, () => equal(configOf({ NTT_AUTH_HOST: host }).host, host))
  }
})

describe('everywhere', () => {
  test('a database server needs a master key', () => {
    for (const url of ['mysql://u:p@db/auth', 'mariadb://u:p@db/auth', 'postgres://u:p@db/auth']) {
      deepEqual(names({ NTT_AUTH_DATABASE_URL: url }), ['MASTER_KEY'])
    }
  })

  test('a session cannot be idle for longer than it lives', () => {
    deepEqual(names({ NTT_AUTH_SESSION_IDLE_TTL: '91d' }), ['SESSION_IDLE_TTL'])
    equal(configOf({ NTT_AUTH_SESSION_IDLE_TTL: '90d' }).sessionIdleTtl, 90 * 86_400_000)
  })

  test('a key signs only after every key set without it has lapsed', () => {
    const times = (ahead: string, interval = '30d') => ({
      NTT_AUTH_JWKS_MAX_AGE: '5m',
      NTT_AUTH_KEY_PUBLISH_AHEAD: ahead,
      NTT_AUTH_KEY_ROTATION_INTERVAL: interval,
    })
    deepEqual(names(times('4m')), ['KEY_PUBLISH_AHEAD'])
    deepEqual(names(times('5m')), ['KEY_PUBLISH_AHEAD'])
    equal(configOf(times('6m')).keyPublishAhead, 360_000)
    deepEqual(names(times('6m', '5m')), ['KEY_ROTATION_INTERVAL'])
    equal(configOf(times('6m', '6m')).keyRotationInterval, 360_000)
  })

  test('a refused setting is not reported a second time for what follows from it', () => {
    deepEqual(names({ ...production, NTT_AUTH_MASTER_KEY: 'short' }), ['MASTER_KEY'])
    deepEqual(names({ ...production, NTT_AUTH_PUBLIC_URL: 'auth' }), ['PUBLIC_URL'])
    deepEqual(names({ NTT_AUTH_ENV: 'prod', NTT_AUTH_HOST: '0.0.0.0' }), ['ENV'])
    deepEqual(names({ NTT_AUTH_DATABASE_URL: 'oracle:x' }), ['DATABASE_URL'])
    deepEqual(names({ NTT_AUTH_SESSION_IDLE_TTL: '91', NTT_AUTH_SESSION_ABSOLUTE_TTL: '1d' }), ['SESSION_IDLE_TTL'])
  })
})

test('ten problems are reported at once, each with name, source, reason and remedy', () => {
  const env = {
    NTT_AUTH_ENV: 'production',
    NTT_AUTH_POTR: '8080',
    NTT_AUTH_PORT: 'abc',
    NTT_AUTH_PUBLIC_URL: 'http://auth.example.com/',
    NTT_AUTH_CORS_ORIGINS: '*,https://app.example.com/',
    NTT_AUTH_TRUSTED_PROXIES: '0.0.0.0/0',
    NTT_AUTH_DATABASE_URL: 'postgres://u:hunter2@db/auth',
    NTT_AUTH_DATABASE_URL_FILE: '/run/secrets/db',
    NTT_AUTH_MASTER_KEY: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    NTT_AUTH_SESSION_IDLE_TTL: '100d',
  }
  const readFile = () => ({ text: '{"acess_token_ttl": "5m", "bcrypt_cost": 9}', mode: 0o600 })
  const flags = { config: 'auth.json', 'log-level': 'loud' }
  deepEqual(complaints({ env, flags, readFile }), [
    'acess_token_ttl (file auth.json): There is no such setting. Did you mean access_token_ttl?',
    'NTT_AUTH_POTR (environment): There is no such setting. Did you mean NTT_AUTH_PORT?',
    'NTT_AUTH_DATABASE_URL (environment): Both NTT_AUTH_DATABASE_URL and NTT_AUTH_DATABASE_URL_FILE are set. Remove one of them.',
    'NTT_AUTH_PORT (environment): "abc" is not a whole number. Use a whole number from 0 to 65535.',
    'NTT_AUTH_CORS_ORIGINS (environment): "https://app.example.com/" is not exactly an origin; "https://app.example.com" would be. Use a list of exact origins (scheme://host or scheme://host:port).',
    "NTT_AUTH_MASTER_KEY (environment): A key is not base64url (A-Z a-z 0-9 - _, no padding). Make a key by: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='",
    'NTT_AUTH_BCRYPT_COST (file auth.json): 9 is out of range. Use a whole number from 10 to 15.',
    'NTT_AUTH_LOG_LEVEL (flag): "loud" is not one of the values. Use trace, debug, info, warn, error, fatal, silent.',
    'NTT_AUTH_PUBLIC_URL (environment): http://auth.example.com is not https, and production sends nothing in the clear. Put TLS in front of the server and use its https address.',
    'NTT_AUTH_TRUSTED_PROXIES (environment): With 0.0.0.0/0 everybody could forge the address of a client. Name the addresses of your proxies only.',
    'NTT_AUTH_SESSION_IDLE_TTL (environment): A session cannot be idle for longer than it lives. Make it no longer than NTT_AUTH_SESSION_ABSOLUTE_TTL.',
  ])
})

describe('two listeners', () => {
  test('need a port each where they share an address', () => {
    deepEqual(names({ NTT_AUTH_PORT: '9090' }), ['MANAGEMENT_PORT'])
    deepEqual(names({ NTT_AUTH_PORT: '9090', NTT_AUTH_HOST: 'localhost' }), ['MANAGEMENT_PORT'])
    deepEqual(names({ ...production, NTT_AUTH_PORT: '9090', NTT_AUTH_HOST: '0.0.0.0' }), ['MANAGEMENT_PORT'])
    equal(configOf({ NTT_AUTH_PORT: '9090', NTT_AUTH_MANAGEMENT_HOST: '127.0.0.2' }).port, 9090)
    equal(configOf({ NTT_AUTH_PORT: '0', NTT_AUTH_MANAGEMENT_PORT: '0' }).port, 0)
  })
})
