import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError } from './errors/errors.ts'
import { defaultRetry, type RetryPolicy } from './http/retry.ts'
import type { SessionRecord } from './session/record.ts'
import type { Note } from './session/refresh.ts'
import { memoryStorage } from './storage/memory.ts'
import { type Keeping, plain } from './storage/plain.ts'
import type { SessionStorage } from './storage/storage.ts'

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
  retry?: Partial<RetryPolicy>
  /** To which origins `fetch()` may send the access token; any, if left out. */
  apiOrigins?: readonly string[]
  /** All requests go through this one. */
  fetch?: typeof fetch
  clock?: Clock
  /** Told what nobody else can be told: what a listener threw, or why a storage failed. */
  onError?: (error: unknown) => void
}

export type Settings = Required<Omit<SessionClientOptions, 'baseUrl' | 'retry' | 'apiOrigins' | 'delivery'>> & {
  baseUrl: string
  /** Only where it is not the body. */
  delivery?: Keeping
  keeping: Keeping
  retry: RetryPolicy
  apiOrigins?: readonly string[] | undefined
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
 * @throws ConfigurationError
 */
export function readOptions(options: SessionClientOptions, keeping: Keeping = plain): Settings {
  const baseUrl = readBaseUrl(options.baseUrl)
  const { timeoutMs = 10_000, storage = memoryStorage() } = options
  if (!(timeoutMs > 0)) throw misconfigured('"timeoutMs" must be above 0.')
  if (!storage.advance) throw misconfigured('"storage" must be a SessionStorage.')
  // Undefined is the same as left out.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return {
    storageKey: `ntt-auth ${baseUrl}`,
    lock: 'auto',
    crossTab: true,
    // Looked up at each call, so that tests and tracers may replace it.
    fetch: (input, init) => globalThis.fetch(input, init),
    clock: systemClock,
    onError: () => {},
    ...given,
    baseUrl,
    timeoutMs,
    storage,
    keeping: options.delivery ?? keeping,
    retry: { ...defaultRetry, ...options.retry },
    apiOrigins: options.apiOrigins?.map((each) => new URL(each).origin),
  }
}

/** @throws ConfigurationError */
export function readBaseUrl(given: string | URL): string {
  if (!URL.canParse(given)) throw misconfigured('"baseUrl" must be a URL: https://…')
  const url = new URL(given)
  refuseInsecure(url)
  return url.href.replace(/\/*([?#].*)?$/, '')
}

/** @throws ConfigurationError `insecure_url`: whoever listens on the way would have the token */
export function refuseInsecure({ protocol, hostname }: URL): void {
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/.test(hostname)
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return
  throw new ConfigurationError('insecure_url', `Tokens are sent over https only, not to ${protocol}//${hostname}.`)
}

export function misconfigured(message: string): ConfigurationError {
  return new ConfigurationError('config_invalid', message)
}
