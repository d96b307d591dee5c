import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError } from './errors/errors.ts'
import { defaultRetry, type RetryPolicy } from './http/retry.ts'
import type { SessionRecord } from './session/record.ts'
import type { Note } from './session/refresh.ts'
import { memoryStorage } from './storage/memory.ts'
import { type Keeping, plain } from './storage/plain.ts'
import type { SessionStorage } from './storage/storage.ts'

/** What a client is made of; only `baseUrl` must be given. */
export type SessionClientOptions = {
  /** Where the server is, for example `https://auth.example.com`. http only for this machine itself. */
  baseUrl: string | URL
  /** Where the session rests: `indexedDbStorage()`, `fileStorage()` of `/file`, … Default `memoryStorage()`. */
  storage?: SessionStorage
  /** Under which name the session rests; one login a name. Made of the server's address if left out. */
  storageKey?: string
  /**
   * `cookies()`: the refresh token rests in a cookie that no script can read, and the access token in memory. For pages
   * of the same site as the server. Without it both rest in the storage.
   */
  delivery?: Keeping
  /** `none`: never wait for other tabs or processes. Costs requests, not correctness. */
  lock?: 'auto' | 'none'
  /** Whether to hear of what other tabs write. Default true. */
  crossTab?: boolean
  /** Milliseconds that a call may take at most, retries included. Default 10 000. */
  timeoutMs?: number
  /** When failed attempts are made again. */
  retry?: Partial<RetryPolicy>
  /** To which origins `fetch()` may send the access token; any, if left out. */
  apiOrigins?: readonly string[]
  /** All requests go through this one. */
  fetch?: typeof fetch
  /** Where time comes from; `virtualClock()` of `/testing` in tests. Default: the machine’s. */
  clock?: Clock
  /** Told what nobody else can be told: what a listener threw, or why a storage failed. */
  onError?: (error: unknown) => void
}

export type Settings = Required<Omit<SessionClientOptions, 'baseUrl' | 'retry' | 'apiOrigins' | 'delivery'>> & {
  baseUrl: string
  /** Only where it is not the body. */
  delivery?: Keeping | undefined
  keeping: Keeping
  retry: RetryPolicy
  apiOrigins?: readonly string[] | undefined
  /** Of those that know it. */
  autoRefresh?: boolean
} & Partial<Hooks>

/** What only some clients do; set after the settings were read. */
export type Hooks = {
  note(what: Note): void
  /** Called after each new state and each new listener, for the timers of a page. */
  changed(): void
  /** Keeps a logout that the server could not be told of. @returns whether it did */
  later(record: SessionRecord, scope: 'this' | 'all'): Promise<boolean>
}

/**
 * @param keeping where the delivery has none of its own
 * @param more options that only some clients take, and other defaults
 * @throws ConfigurationError
 */
export function readOptions(options: SessionClientOptions, keeping: Keeping = plain, more?: object): Settings {
  const baseUrl = readBaseUrl(options?.baseUrl)
  const defaults = {
    baseUrl,
    storageKey: `ntt-auth ${baseUrl}`,
    storage: memoryStorage(),
    timeoutMs: 10_000,
    delivery: keeping,
    lock: 'auto' as const,
    crossTab: true,
    // Looked up at each call, so that tests and tracers may replace it.
    fetch: ((input, init) => globalThis.fetch(input, init)) as typeof fetch,
    clock: systemClock,
    onError: (() => {}) as (error: unknown) => unknown,
    retry: {},
    apiOrigins: { map: checkLike },
    ...more,
  }
  const settings = take('options', defaults, { ...options, baseUrl })
  const { delivery, onError, lock, retry } = settings
  if (lock !== 'auto' && lock !== 'none') throw wrong('options.lock', 'auto or none', lock)
  return {
    ...settings,
    delivery: options.delivery,
    keeping: delivery,
    // Nobody is left to tell what it throws.
    onError: (error) => void (async () => onError(error))().catch(() => {}),
    retry: take('retry', defaultRetry, retry),
    apiOrigins: options.apiOrigins?.map((each) => urlOf(each, 'options.apiOrigins').origin),
  }
}

/** @returns what is given, and the defaults for what is left out, as null and undefined are too */
function take<T extends object>(of: string, defaults: T, given: object): T {
  const taken: Record<string, unknown> = { ...(defaults as object) }
  for (const [name, value] of Object.entries(given)) {
    if (!(name in taken)) throw wrong(of, `${Object.keys(defaults)}`, name)
    if (value == null) continue
    checkLike(`${of}.${name}`, value, taken[name])
    taken[name] = value
  }
  return taken as T
}

/**
 * @param like something of the same kind, with what is needed of it; all numbers are times
 * @throws ConfigurationError
 */
export function checkLike(name: string, value: unknown, like: unknown): void {
  const kind = typeof value
  const isTime = typeof like === 'number'
  if (kind !== typeof like || (isTime && !((value as number) > 0 && (value as number) < 2e9))) {
    throw wrong(name, isTime ? 'ms' : typeof like, kind === 'number' ? value : kind)
  }
  if (kind === 'object') {
    for (const [key, part] of Object.entries(like as object)) {
      checkLike(`${name}.${key}`, (value as Record<string, unknown>)[key], part)
    }
  }
}

/** @throws ConfigurationError */
export function readBaseUrl(given: string | URL): string {
  const url = urlOf(given, 'options.baseUrl')
  refuseInsecure(url)
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

/** @throws ConfigurationError */
export function urlOf(given: string | URL, name: string, base?: string): URL {
  if (!URL.canParse(given, base)) throw wrong(name, 'https://…', typeof given)
  return new URL(given, base)
}

/** @throws ConfigurationError `insecure_url`: whoever listens on the way would have the token */
export function refuseInsecure({ protocol, hostname }: URL): void {
  const loopback = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return
  throw new ConfigurationError('insecure_url', `Tokens go over https only, not ${protocol}//${hostname}.`)
}

/** @param got what may be shown of it: a text could be a secret */
export function wrong(name: string, expected: string, got: unknown): ConfigurationError {
  return new ConfigurationError('config_invalid', `"${name}": ${expected} expected, got ${got}.`)
}

export function misconfigured(message: string): ConfigurationError {
  return new ConfigurationError('config_invalid', message)
}
