import { availableParallelism } from 'node:os'
import { databaseUrlForms, defaultDatabaseUrl, maskDatabaseUrl, parseDatabaseUrl } from '../database/url.ts'
import { makeMasterKey, masterKey } from './master-key-value.ts'
import { redisRemedy, redisUrl } from './redis-url.ts'
import { mailbox, smtpRemedy, smtpUrl } from './smtp-url.ts'
import {
  baseUrl,
  choice,
  duration,
  host,
  identifier,
  integer,
  list,
  network,
  noneOr,
  onOff,
  origin,
  path,
  type Value,
} from './values.ts'

export const prefix = 'NTT_AUTH_'

export type Setting = {
  type: Value<unknown>
  /** As the operator would write it. Without it the default depends on other settings, see `defaultMeaning`. */
  default?: string
  /** The default in words, where it depends on other settings or the machine. */
  defaultMeaning?: string
  /** One sentence. */
  meaning: string
  /** Never printed, never a flag; also read from the file named by `<NAME>_FILE`. */
  secret?: true
  example?: string
  /** How to mend a refused value, where "use" and the form do not say it. */
  remedy?: string
}

const databaseUrl: Value<string> = {
  form: databaseUrlForms.map((form) => `\`${form}\``).join(', '),
  read(text) {
    parseDatabaseUrl(text)
    return text
  },
  write: maskDatabaseUrl,
}

/** Every setting, by its name without the prefix. The reference, `.env.example` and the flags come from here. */
export const settings = {
  ENV: {
    type: choice('development', 'production'),
    default: 'development',
    meaning: 'Development listens on this machine only; production refuses everything insecure.',
  },
  HOST: { type: host(), default: '127.0.0.1', meaning: 'The address to listen on.', example: '0.0.0.0' },
  PORT: { type: integer(0, 65535), default: '8080', meaning: 'The port to listen on; 0 takes any free one.' },
  MANAGEMENT_HOST: {
    type: host(),
    default: '127.0.0.1',
    meaning: "The address of the operator's own listener, which tells why the server is not ready.",
  },
  MANAGEMENT_PORT: {
    type: integer(0, 65535),
    default: '9090',
    meaning: "The port of the operator's own listener; 0 takes any free one.",
  },
  WORKERS: {
    type: integer(1, 64),
    default: '1',
    meaning:
      'How many processes serve behind the one port; more than one needs a database server. The management listener of ' +
      'each has a port of its own, from `MANAGEMENT_PORT` upwards.',
  },
  PUBLIC_URL: {
    type: baseUrl(),
    defaultMeaning: '`http://HOST:PORT` in development, required in production',
    meaning: 'The address under which clients reach this server; also the issuer of its tokens.',
    example: 'https://auth.example.com',
  },
  AUDIENCE: {
    type: identifier(),
    defaultMeaning: 'the issuer',
    meaning: 'The audience (`aud`) of access tokens.',
    example: 'https://api.example.com',
  },
  APP_URL: {
    type: baseUrl(),
    defaultMeaning: 'none',
    meaning:
      "Where the app's own pages are: mailed links lead to its `/reset-password`, `/verify-email` and `/confirm-email`, " +
      'with the token behind the `#`. Without it they lead to pages of this server.',
    example: 'https://app.example.com',
  },
  CORS_ORIGINS: {
    type: list(origin()),
    default: '',
    meaning: 'The origins of web pages that may call this server from a browser; `*` allows all, in development only.',
    example: 'https://app.example.com,https://admin.example.com',
  },
  TRUSTED_PROXIES: {
    type: noneOr(list(network())),
    defaultMeaning: '`none` in development, required in production',
    meaning:
      'The reverse proxies whose forwarding headers are believed; `none`: the server sees the addresses of its callers itself.',
    example: '10.0.0.5,192.168.7.0/24',
  },
  DATABASE_URL: {
    type: databaseUrl,
    defaultMeaning: `\`${defaultDatabaseUrl('DATA_DIR')}\``,
    meaning:
      'The database. After the address of a server, `?tls=require` encrypts, `?tls=verify` checks its certificate and its ' +
      'name as well, `?tls=verify&ca=FILE` by an authority of your own. Production refuses another machine without a word ' +
      'about it; `?tls=off` says that nobody else is on the way.',
    secret: true,
    example: databaseUrlForms[1],
    remedy: `Use one of the forms ${databaseUrlForms.join(', ')}.`,
  },
  REDIS_URL: {
    type: redisUrl(),
    defaultMeaning: 'none: the database counts',
    meaning:
      'A Redis or Valkey server that counts the calls of networks for all nodes. While it is away the database counts ' +
      'them; nothing else is kept there. `rediss://` checks its certificate and its name, `?ca=FILE` by an authority of your ' +
      'own. Production refuses `redis://` to another machine, unless `?tls=off` says that nobody else is on the way.',
    secret: true,
    example: 'rediss://user:password@redis.example.com:6379/0',
    remedy: redisRemedy,
  },
  DATABASE_POOL_SIZE: {
    type: integer(1, 1000),
    default: '10',
    meaning: 'The number of connections to the database server, of each worker.',
  },
  DATABASE_TIMEOUT: {
    type: duration('100ms', '5m'),
    default: '5s',
    meaning: 'How long connecting to the database and one statement may take.',
  },
  AUTO_MIGRATE: {
    type: onOff(),
    defaultMeaning: '`on` for the embedded database, else `off`',
    meaning: 'Whether a start brings the database schema up to date.',
  },
  DATA_DIR: {
    type: path(),
    default: './data',
    meaning: 'The directory of the embedded database and the master key made for it.',
    example: '/var/lib/ntt-auth',
  },
  MASTER_KEY: {
    type: list(masterKey()),
    defaultMeaning: 'embedded database in development: made once and kept in `DATA_DIR/master.key`; else required',
    meaning: 'The key that seals the signing keys in the database: the current one first, then previous ones.',
    secret: true,
    remedy: `Make a key by: ${makeMasterKey}`,
  },
  ACCESS_TOKEN_TTL: { type: duration('10s', '1h'), default: '15m', meaning: 'How long an access token is valid.' },
  SESSION_IDLE_TTL: {
    type: duration('10s', '3650d'),
    default: '30d',
    meaning: 'How long a session lives without a refresh.',
  },
  SESSION_ABSOLUTE_TTL: {
    type: duration('10s', '3650d'),
    default: '90d',
    meaning: 'How long a session lives at most.',
  },
  SESSION_LIMIT: {
    type: integer(1, 1000),
    default: '100',
    meaning: 'How many sessions a user may have; one more login ends the one that was used longest ago.',
  },
  DELETION_DELAY: {
    type: duration('0s', '365d'),
    default: '0s',
    meaning:
      'How long an account stays after its owner has deleted it; a login within that time keeps it. `0s`: gone at once.',
  },
  REGISTRATION_TTL: {
    type: duration('2d', '365d'),
    default: '7d',
    meaning:
      'How long a registration stays whose address nobody confirms (`EMAIL_VERIFICATION=required`), from the last link that was asked for on.',
  },
  CLEANUP_INTERVAL: {
    type: duration('1s', '1d'),
    default: '10m',
    meaning: 'How often rows that are over and done with are removed.',
  },
  SIGNING_ALGORITHM: {
    type: choice('ES256', 'EdDSA', 'RS256'),
    default: 'ES256',
    meaning: 'The signature algorithm of new signing keys.',
  },
  KEY_ROTATION_INTERVAL: {
    type: duration('1s', '3650d'),
    default: '90d',
    meaning: 'How long a signing key signs before the next one takes over.',
  },
  KEY_PUBLISH_AHEAD: {
    type: duration('1s', '30d'),
    default: '10m',
    meaning:
      'How long a signing key is published before it signs; longer than verifiers keep the key set, and than clocks differ.',
  },
  JWKS_MAX_AGE: {
    type: duration('1s', '1d'),
    default: '5m',
    meaning: 'How long verifiers may keep the public keys.',
  },
  PASSWORD_HASH: {
    type: choice('bcrypt', 'argon2id'),
    default: 'bcrypt',
    meaning: 'The hash of new passwords; others are verified too and replaced at the next login.',
  },
  BCRYPT_COST: {
    type: integer(10, 15),
    default: '12',
    meaning: 'The cost of bcrypt hashes; one more doubles the time.',
  },
  PASSWORD_MIN_LENGTH: {
    type: integer(8, 64),
    default: '8',
    meaning: 'The fewest characters of a new password; NIST asks for 15 where the password is the only factor.',
  },
  HASH_THREADS: {
    type: integer(1, 256),
    default: String(Math.min(256, availableParallelism())),
    defaultMeaning: 'the number of cores',
    meaning: 'The number of threads that hash passwords; workers share them.',
  },
  HASH_MAX_WAIT: {
    type: duration('0ms', '1m'),
    default: '1500ms',
    meaning: 'How long a login may wait for a hashing thread before it is refused as overload.',
  },
  REVOCATION_FAILURE: {
    type: choice('open', 'closed'),
    default: 'open',
    meaning:
      'What a node does with access tokens when it has not been able to read revocations for `REVOCATION_MAX_AGE`: go by ' +
      'what it knows, or answer 503.',
  },
  REVOCATION_MAX_AGE: {
    type: duration('2s', '10m'),
    default: '10s',
    meaning: 'How long a node may be unable to read revocations before it says that it is not ready.',
  },
  REVOCATION_STREAMS: {
    type: integer(0, 100_000),
    default: '500',
    meaning: 'How many streams of revocations a process serves at once.',
  },
  REGISTRATION: {
    type: choice('open', 'invite', 'closed'),
    default: 'open',
    meaning:
      'Who may register: anyone, or nobody, so that accounts are made by administrators; `invite` says to strangers that ' +
      'they need an invitation, `closed` only that registration is closed.',
  },
  EMAIL_VERIFICATION: {
    type: choice('optional', 'required'),
    default: 'optional',
    meaning:
      'Whether who registers must show that the address is its own before the first login; then no answer tells ' +
      'whether an address is known.',
  },
  SMTP_URL: {
    type: smtpUrl(),
    defaultMeaning: 'none: mail stays in the database, where `ntt-auth outbox` shows it',
    meaning: 'The server that mail is handed to.',
    secret: true,
    example: 'smtp://user:password@mail.example.com:587',
    remedy: smtpRemedy,
  },
  SMTP_TIMEOUT: {
    type: duration('1s', '5m'),
    default: '30s',
    meaning: 'How long handing over one mail may take; after twice that another node may try.',
  },
  MAIL_FROM: {
    type: mailbox(),
    defaultMeaning: '`no-reply@` and the host of `PUBLIC_URL`',
    meaning: 'The sender of every mail.',
    example: 'Example <no-reply@example.com>',
  },
  MAIL_TEMPLATES: {
    type: path(),
    defaultMeaning: 'none: the shipped words',
    meaning: 'A directory with templates of your own; a file that is missing there is taken from the shipped ones.',
    example: '/etc/ntt-auth/mail',
  },
  RATE_LIMITS: {
    type: onOff(),
    default: 'on',
    meaning: 'Whether too many attempts are refused; `off` for tests and measurements, never in production.',
  },
  AUDIT_RETENTION: {
    type: duration('1d', '3650d'),
    default: '365d',
    meaning: 'How long lines of the audit log are kept.',
  },
  LOG_LEVEL: {
    type: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning: 'The least important log lines to write; `debug` also shows stack traces of failed commands.',
  },
  TRACING: {
    type: onOff(),
    default: 'off',
    meaning:
      'Whether traces are sent to an OpenTelemetry collector; where it is say the variables of OpenTelemetry, above all ' +
      '`OTEL_EXPORTER_OTLP_ENDPOINT`.',
  },
  SHUTDOWN_DELAY: {
    type: duration('0s', '5m'),
    defaultMeaning: '`0s` in development, `5s` in production',
    meaning: 'How long readiness says no before the server stops to accept connections.',
  },
  SHUTDOWN_TIMEOUT: {
    type: duration('1s', '10m'),
    default: '20s',
    meaning: 'How long requests in progress may take to finish at shutdown.',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings
export type SettingValue<N extends SettingName> = ReturnType<(typeof settings)[N]['type']['read']>

export const settingNames = Object.keys(settings) as SettingName[]
/** Names the JSON file that holds further settings; not a setting itself. */
export const configFileVariable = `${prefix}CONFIG_FILE`

export function settingOf(name: SettingName): Setting {
  return settings[name]
}

/** `ACCESS_TOKEN_TTL` on the command line: `access-token-ttl`. */
export function flagOf(name: SettingName): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** `ACCESS_TOKEN_TTL` in the configuration file: `access_token_ttl`. */
export function keyOf(name: SettingName): string {
  return name.toLowerCase()
}

export function variableOf(name: SettingName): string {
  return prefix + name
}
