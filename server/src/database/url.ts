import { isIP } from 'node:net'
import { join } from 'node:path'

/** Where the database is, taken apart. */
export type DatabaseAddress = EmbeddedAddress | ServerAddress

export type EmbeddedAddress = {
  kind: 'sqlite'
  /** Served from a file by this process, which is then the only one to write. */
  embedded: true
  /** A file, or `:memory:`. */
  path: string
}

export type ServerAddress = {
  kind: 'mysql' | 'postgres'
  embedded: false
  host: string
  port: number
  /** A Unix socket (MySQL: the file, PostgreSQL: its directory), instead of host and port. */
  socket: string | undefined
  user: string
  password: string
  database: string
  /** `require` encrypts, `verify` checks the server's certificate and name as well. */
  tls: TlsMode
  /** Whether the URL says so itself: what is off by default was perhaps forgotten. */
  tlsChosen: boolean
  /** A file with the certificates of the authority that signs the server's; only with `verify`. */
  caFile: string | null
  /** PostgreSQL only: the schema to work in, instead of the role's search path. */
  schema: string | undefined
}

export type TlsMode = 'off' | 'require' | 'verify'

/** What an operator may write, for help texts and error messages. */
export const databaseUrlForms = [
  'sqlite:PATH',
  'mysql://USER:PASSWORD@HOST[:3306]/DATABASE',
  'mariadb://USER:PASSWORD@HOST[:3306]/DATABASE',
  'postgres://USER:PASSWORD@HOST[:5432]/DATABASE',
  'postgresql://USER:PASSWORD@HOST[:5432]/DATABASE',
] as const

const kinds = { mysql: 'mysql', mariadb: 'mysql', postgres: 'postgres', postgresql: 'postgres' } as const
const ports = { mysql: 3306, postgres: 5432 } as const
const tlsModes: Record<string, TlsMode> = {
  off: 'off',
  require: 'require',
  verify: 'verify',
  disable: 'off',
  'verify-full': 'verify',
}

/**
 * @throws Error whose message says how to mend the URL; it never repeats the password
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === 'sqlite') return { kind: 'sqlite', embedded: true, path: sqlitePath(url.slice('sqlite:'.length)) }
  if (scheme === undefined || !Object.hasOwn(kinds, scheme)) {
    throw new Error(`A database URL must look like one of: ${databaseUrlForms.join(', ')}.`)
  }
  return serverAddress(kinds[scheme as keyof typeof kinds], url)
}

/** The database of a server that was told nothing: a file in its data directory. */
export function defaultDatabaseUrl(dataDir: string): string {
  return `sqlite:${join(dataDir, 'ntt-auth.sqlite')}`
}

/** The URL with its password hidden, fit for logs. */
export function maskDatabaseUrl(url: string): string {
  // By pattern, because a URL that cannot be parsed must be hidden too. The last @ ends the password.
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#]*):.*@/i, '$1:***@')
}

function sqlitePath(rest: string): string {
  // sqlite:///var/lib/x is what other programs write for an absolute path.
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '') throw new Error('A SQLite URL needs a path, e.g. sqlite:data/ntt-auth.sqlite.')
  if (/[?#]/.test(path)) throw new Error('A SQLite URL takes no options: the path must not contain ? or #.')
  return path
}

function serverAddress(kind: ServerAddress['kind'], url: string): ServerAddress {
  if (!/^[a-z]+:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Error(
      `The database URL cannot be read. It must look like ${kind}://USER:PASSWORD@HOST/DATABASE; percent-encode ` +
        'special characters in the user and the password (@ is %40, / is %2F, # is %23).',
    )
  }
  const parsed = new URL(url)
  const database = decode(parsed.pathname.slice(1), 'database name')
  if (database === '' || database.includes('/')) {
    throw new Error(`The database URL must name one database, as in ${kind}://USER:PASSWORD@HOST/DATABASE.`)
  }
  const user = decode(parsed.username, 'user')
  if (user === '') throw new Error(`The database URL must name a user, as in ${kind}://USER:PASSWORD@HOST/DATABASE.`)
  const options = readOptions(kind, parsed.searchParams)
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1')
  // Its driver would take a certificate for "localhost" there.
  if (kind === 'mysql' && options.tls === 'verify' && isIP(host) !== 0) {
    throw new Error('The database URL must name the server by its host name with tls=verify, not by an IP address.')
  }
  return {
    kind,
    embedded: false,
    host,
    port: parsed.port === '' ? ports[kind] : Number(parsed.port),
    user,
    password: decode(parsed.password, 'password'),
    database,
    ...options,
  }
}

function readOptions(kind: ServerAddress['kind'], search: URLSearchParams) {
  const options: Pick<ServerAddress, 'tls' | 'tlsChosen' | 'caFile' | 'schema' | 'socket'> = {
    tls: 'off',
    tlsChosen: false,
    caFile: null,
    schema: undefined,
    socket: undefined,
  }
  for (const [name, value] of search) {
    if (name === 'tls' || (name === 'sslmode' && kind === 'postgres')) {
      const mode = Object.hasOwn(tlsModes, value) ? tlsModes[value] : undefined
      if (mode === undefined) throw new Error(`The database URL option "${name}" must be off, require or verify.`)
      options.tls = mode
      options.tlsChosen = true
    } else if (name === 'ca') {
      if (value === '') throw new Error('The database URL option "ca" must name a file.')
      options.caFile = value
    } else if (name === 'socket') {
      options.socket = value
    } else if (name === 'schema' && kind === 'postgres') {
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(value)) {
        throw new Error('The database URL option "schema" must be a lower-case identifier.')
      }
      options.schema = value
    } else {
      const known = kind === 'postgres' ? 'tls, ca, socket and schema' : 'tls, ca and socket'
      throw new Error(`The database URL option "${name}" is not known; the options are ${known}.`)
    }
  }
  if (options.caFile !== null && options.tls !== 'verify') {
    throw new Error('The database URL option "ca" needs tls=verify.')
  }
  return options
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error(`The ${what} in the database URL is not percent-encoded correctly (a plain % is %25).`)
  }
}
