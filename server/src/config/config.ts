import { resolve } from 'node:path'
import { type DatabaseAddress, defaultDatabaseUrl, parseDatabaseUrl, type ServerAddress } from '../database/url.ts'
import { mistakesIn } from '../tracing/variables.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { type SettingName, type SettingValue, settingNames, settingOf, type settings, variableOf } from './env.ts'
import { makeMasterKey } from './master-key-value.ts'
import { isCatchAll, isLoopback } from './networks.ts'
import { type ReadFile, readFile as readFromDisk } from './read-file.ts'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'
import { withSecrets } from './secrets.ts'
import { parseSmtpUrl } from './smtp-url.ts'
import { collect, type Environment, type Flags } from './sources.ts'

/** What the server runs with; durations in milliseconds. Secrets are left out of JSON, logs and copies by spread. */
export type Config = ReturnType<typeof assemble>
export type Origins = Readonly<Record<SettingName, string>>
export type Loaded = { config: Config; warnings: string[]; origins: Origins }

type Values = { [N in SettingName]?: SettingValue<N> }
/** Settings whose default depends on others. */
type Dependent = { [N in SettingName]: (typeof settings)[N] extends { default: string } ? never : N }[SettingName]
type CheckedValues = Required<Omit<Values, Dependent>> & Pick<Values, Dependent>

/**
 * Reads, checks and completes the configuration.
 * @throws ConfigError with everything that is wrong
 */
export function loadConfig(from: { env: Environment; flags: Flags; readFile?: ReadFile }): Loaded {
  const { given, refused, problems, warnings } = collect(from.env, from.flags, from.readFile ?? readFromDisk)
  const origins = Object.fromEntries(
    settingNames.map((name) => [name, given.get(name)?.source ?? 'default']),
  ) as Origins
  const values: Values = {}
  for (const name of settingNames) {
    const setting = settingOf(name)
    const text = given.get(name)?.text ?? (refused.has(name) ? undefined : setting.default)
    if (text === undefined) continue
    try {
      Object.assign(values, { [name]: setting.type.read(text) })
    } catch (error) {
      refused.add(name)
      const remedy = setting.remedy ?? `Use ${setting.type.form.replaceAll('`', '')}.`
      problems.push({ name: variableOf(name), source: origins[name], problem: (error as Error).message, remedy })
    }
  }
  problems.push(...contradictions(values, refused, origins))
  if (values.TRACING) {
    for (const { name, problem, remedy } of mistakesIn(from.env)) {
      problems.push({ name, source: 'environment', problem: `${problem}.`, remedy: remedy.replace(/^u/, 'U') })
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { config: assemble(values as CheckedValues), warnings, origins }
}

/** What a start allows, but hardly anybody means; a sentence each. */
export function misgivings({ env, trustedProxies, emailVerification, smtpUrl }: Config): string[] {
  const widest = trustedProxies.filter(isCatchAll)
  if (widest.length > 0) return widest.map(everybodyForges)
  if (env !== 'production') return []
  return [...(emailVerification === 'required' && smtpUrl === null ? [linksGoNowhere] : [])]
}

// Production refuses it.
const everybodyForges = (network: string) =>
  `NTT_AUTH_TRUSTED_PROXIES believes everybody in ${network}: whoever calls can forge the address of a client, which ` +
  'throttling and the audit log go by. Name the addresses of your proxies only.'
const linksGoNowhere =
  'NTT_AUTH_EMAIL_VERIFICATION=required lets nobody log in before a mailed link was opened, and without NTT_AUTH_SMTP_URL ' +
  'no mail goes out. Set it, unless somebody hands over what "ntt-auth outbox" shows.'

/** What is wrong with settings in the light of others; a refused value is judged no further. */
function contradictions(values: Values, refused: ReadonlySet<SettingName>, origins: Origins): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const refuse = (name: SettingName, problem: string, remedy: string) =>
    problems.push({ name: variableOf(name), source: origins[name], problem, remedy })
  const has = (name: SettingName) => values[name] !== undefined || refused.has(name)
  const { ENV, HOST, PUBLIC_URL, APP_URL, TRUSTED_PROXIES, CORS_ORIGINS, DATABASE_URL } = values
  const { SESSION_IDLE_TTL, SESSION_ABSOLUTE_TTL, MANAGEMENT_HOST } = values

  if (ENV === 'development' && HOST !== undefined && !isLoopback(HOST)) {
    refuse(
      'HOST',
      `${HOST} can be reached from elsewhere, and development is not made for that.`,
      'Set NTT_AUTH_ENV=production, or use 127.0.0.1.',
    )
  }
  if (ENV === 'production') {
    if (!has('PUBLIC_URL')) {
      refuse(
        'PUBLIC_URL',
        'Production needs the address that clients use.',
        'Set it, e.g. to https://auth.example.com.',
      )
    }
    if (PUBLIC_URL !== undefined && !PUBLIC_URL.startsWith('https:')) {
      refuse(
        'PUBLIC_URL',
        `${PUBLIC_URL} is not https, and production sends nothing in the clear.`,
        'Put TLS in front of the server and use its https address.',
      )
    }
    if (APP_URL !== undefined && !APP_URL.startsWith('https:')) {
      refuse('APP_URL', `${APP_URL} is not https, and links to it carry secrets.`, "Use the app's https address.")
    }
    if (!has('TRUSTED_PROXIES')) {
      refuse(
        'TRUSTED_PROXIES',
        'In production something in front of the server ends TLS, and as long as it is not named all clients are taken for ' +
          'one: they share one bucket of each limit, and can lock each other out.',
        'Name the addresses of your proxies, e.g. 10.0.0.5,192.168.7.0/24, or set it to none if the server sees the ' +
          'addresses of its callers themselves.',
      )
    }
    for (const network of TRUSTED_PROXIES ?? []) {
      if (!isCatchAll(network)) continue
      refuse(
        'TRUSTED_PROXIES',
        `With ${network} everybody could forge the address of a client.`,
        'Name the addresses of your proxies only.',
      )
    }
    if (values.RATE_LIMITS === false) {
      refuse('RATE_LIMITS', 'Without limits passwords can be guessed for ever.', 'Leave it on.')
    }
    if (CORS_ORIGINS?.includes('*')) {
      refuse(
        'CORS_ORIGINS',
        'Production does not let every web page call the server.',
        'Name the origins of your web pages.',
      )
    }
    for (const origin of CORS_ORIGINS ?? []) {
      if (!origin.startsWith('http:') || isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''))) continue
      refuse(
        'CORS_ORIGINS',
        `${origin} is not https: who is on the way to it can put a script there that calls the server as the visitor.`,
        'Name the https origin of the page.',
      )
    }
  }
  const embedded = DATABASE_URL === undefined || parseDatabaseUrl(DATABASE_URL).embedded
  const { WORKERS, PORT, MANAGEMENT_PORT } = values
  if (WORKERS !== undefined && WORKERS > 1) {
    if (embedded && !refused.has('DATABASE_URL')) {
      refuse(
        'WORKERS',
        'The embedded database is written by one process.',
        'Use one worker, or name a database server in NTT_AUTH_DATABASE_URL.',
      )
    }
    const last = (MANAGEMENT_PORT ?? 0) + WORKERS - 1
    if (MANAGEMENT_PORT && (last > 65535 || (PORT && PORT >= MANAGEMENT_PORT && PORT <= last))) {
      refuse(
        'MANAGEMENT_PORT',
        `The management listeners of ${WORKERS} workers take the ports from ${MANAGEMENT_PORT} to ${last}.`,
        `Leave room there: below 65536, and not around NTT_AUTH_PORT.`,
      )
    }
  }
  const { SMTP_URL, REDIS_URL } = values
  const database = DATABASE_URL === undefined ? null : parseDatabaseUrl(DATABASE_URL)
  if (ENV === 'production' && database && isDatabaseInTheClear(database) && !database.tlsChosen) {
    refuse(
      'DATABASE_URL',
      `Nothing says how the connection to ${database.host} is encrypted: whoever is on the way could read the password, hashes and ` +
        'addresses, and change them.',
      'Add ?tls=verify to it (?tls=require checks no certificate), or ?tls=off where nobody else is on the way.',
    )
  }
  const redis = REDIS_URL === undefined ? null : parseRedisUrl(REDIS_URL)
  if (ENV === 'production' && redis && isRedisInTheClear(redis) && !redis.clearChosen) {
    refuse(
      'REDIS_URL',
      `The connection to ${redis.host} is not encrypted: whoever is on the way could read its password, and change counts.`,
      'Use rediss://, or add ?tls=off where nobody else is on the way.',
    )
  }
  if (ENV === 'production' && SMTP_URL !== undefined) {
    const { tls, host } = parseSmtpUrl(SMTP_URL)
    if (tls === 'off' && !isLoopback(host)) {
      refuse(
        'SMTP_URL',
        'Mail carries one-time links, and production sends nothing in the clear.',
        'Leave "tls=off" away, or hand mail to a relay on this machine.',
      )
    }
  }
  if (!has('MASTER_KEY') && (ENV === 'production' || !embedded)) {
    const who = ENV === 'production' ? 'Production' : 'A database server'
    refuse(
      'MASTER_KEY',
      `${who} needs a master key that is kept apart from the database.`,
      `Make one by: ${makeMasterKey}`,
    )
  }
  if (WORKERS === 1 && PORT !== 0 && PORT === MANAGEMENT_PORT && meet(HOST, MANAGEMENT_HOST)) {
    refuse(
      'MANAGEMENT_PORT',
      `Port ${PORT} is that of the public listener.`,
      'Choose another port, or another address by NTT_AUTH_MANAGEMENT_HOST.',
    )
  }
  if (SESSION_IDLE_TTL !== undefined && SESSION_ABSOLUTE_TTL !== undefined && SESSION_IDLE_TTL > SESSION_ABSOLUTE_TTL) {
    refuse(
      'SESSION_IDLE_TTL',
      'A session cannot be idle for longer than it lives.',
      'Make it no longer than NTT_AUTH_SESSION_ABSOLUTE_TTL.',
    )
  }
  const { JWKS_MAX_AGE, KEY_PUBLISH_AHEAD, KEY_ROTATION_INTERVAL } = values
  if (KEY_PUBLISH_AHEAD !== undefined && JWKS_MAX_AGE !== undefined && KEY_PUBLISH_AHEAD <= JWKS_MAX_AGE) {
    refuse(
      'KEY_PUBLISH_AHEAD',
      'A key would sign before every verifier has heard of it.',
      'Make it longer than NTT_AUTH_JWKS_MAX_AGE, by more than clocks differ.',
    )
  }
  if (
    KEY_ROTATION_INTERVAL !== undefined &&
    KEY_PUBLISH_AHEAD !== undefined &&
    KEY_ROTATION_INTERVAL < KEY_PUBLISH_AHEAD
  ) {
    refuse(
      'KEY_ROTATION_INTERVAL',
      'Keys would have to change before the next one has been published for long enough.',
      'Make it at least NTT_AUTH_KEY_PUBLISH_AHEAD.',
    )
  }
  return problems
}

function assemble(values: CheckedValues) {
  const dataDir = resolve(values.DATA_DIR)
  const publicUrl = values.PUBLIC_URL ?? `http://${inUrl(values.HOST)}:${values.PORT}`
  const databaseUrl = values.DATABASE_URL ?? defaultDatabaseUrl(dataDir)
  const address = parseDatabaseUrl(databaseUrl)
  const { embedded } = address
  const redis = values.REDIS_URL === undefined ? null : parseRedisUrl(values.REDIS_URL)
  const insecure = [
    ...(values.ENV === 'development' ? (['env'] as const) : []),
    ...(isLoopback(values.MANAGEMENT_HOST) ? [] : (['management_host'] as const)),
    ...(isDatabaseInTheClear(address) ? (['database_tls'] as const) : []),
    ...(redis && isRedisInTheClear(redis) ? (['redis_tls'] as const) : []),
    ...(values.RATE_LIMITS ? [] : (['rate_limits'] as const)),
  ]
  const open = {
    env: values.ENV,
    /** What is not fit for production, for those who watch. */
    insecure,
    host: values.HOST,
    port: values.PORT,
    managementHost: values.MANAGEMENT_HOST,
    managementPort: values.MANAGEMENT_PORT,
    workers: values.WORKERS,
    publicUrl,
    issuer: publicUrl,
    audience: values.AUDIENCE ?? publicUrl,
    appUrl: values.APP_URL ?? null,
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES ?? [],
    databasePoolSize: values.DATABASE_POOL_SIZE,
    databaseTimeout: values.DATABASE_TIMEOUT,
    autoMigrate: values.AUTO_MIGRATE ?? embedded,
    embedded,
    dataDir,
    accessTokenTtl: values.ACCESS_TOKEN_TTL,
    sessionIdleTtl: values.SESSION_IDLE_TTL,
    sessionAbsoluteTtl: values.SESSION_ABSOLUTE_TTL,
    sessionLimit: values.SESSION_LIMIT,
    deletionDelay: values.DELETION_DELAY,
    registrationTtl: values.REGISTRATION_TTL,
    cleanupInterval: values.CLEANUP_INTERVAL,
    signingAlgorithm: values.SIGNING_ALGORITHM,
    keyRotationInterval: values.KEY_ROTATION_INTERVAL,
    keyPublishAhead: values.KEY_PUBLISH_AHEAD,
    jwksMaxAge: values.JWKS_MAX_AGE,
    passwordHash: values.PASSWORD_HASH,
    bcryptCost: values.BCRYPT_COST,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    hashThreads: Math.max(1, Math.floor(values.HASH_THREADS / values.WORKERS)),
    hashMaxWait: values.HASH_MAX_WAIT,
    revocationFailure: values.REVOCATION_FAILURE,
    revocationMaxAge: values.REVOCATION_MAX_AGE,
    revocationStreams: values.REVOCATION_STREAMS,
    registration: values.REGISTRATION,
    emailVerification: values.EMAIL_VERIFICATION,
    smtpTimeout: values.SMTP_TIMEOUT,
    mailFrom: values.MAIL_FROM ?? { name: null, address: `no-reply@${new URL(publicUrl).hostname}` },
    mailTemplates: values.MAIL_TEMPLATES === undefined ? null : resolve(values.MAIL_TEMPLATES),
    rateLimits: values.RATE_LIMITS,
    auditRetention: values.AUDIT_RETENTION,
    logLevel: values.LOG_LEVEL,
    tracing: values.TRACING,
    shutdownDelay: values.SHUTDOWN_DELAY ?? (values.ENV === 'production' ? 5000 : 0),
    shutdownTimeout: values.SHUTDOWN_TIMEOUT,
  }
  /** `masterKeys` null: `loadMasterKeys` reads or makes the file in the data directory. */
  const secrets: { databaseUrl: string; masterKeys: Buffer[] | null; smtpUrl: string | null; redisUrl: string | null } =
    {
      databaseUrl,
      smtpUrl: values.SMTP_URL ?? null,
      redisUrl: values.REDIS_URL ?? null,
      masterKeys: values.MASTER_KEY ?? null,
    }
  return withSecrets(open, secrets)
}

/** Does anybody else see what goes to the database and back? */
function isDatabaseInTheClear(address: DatabaseAddress): address is ServerAddress {
  return !address.embedded && address.tls === 'off' && address.socket === undefined && !isLoopback(address.host)
}

function isRedisInTheClear({ tls, host }: RedisAddress): boolean {
  return !tls && !isLoopback(host)
}

/** Would two listeners on one port be in each other's way? */
function meet(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false
  const plain = (host: string) => (host === 'localhost' ? '127.0.0.1' : host)
  return plain(one) === plain(other) || [one, other].some((host) => host === '0.0.0.0' || host === '::')
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
