import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError } from './errors/errors.ts'
import { defaultRetry, type RetryPolicy } from './http/retry.ts'
import { indexedDbStorage } from './storage/indexeddb.ts'
import { memoryStorage } from './storage/memory.ts'
import type { SessionStorage } from './storage/storage.ts'

export type AuthClientOptions = {
  /** Where the server is, for example `https://auth.example.com`. http only for this machine itself. */
  baseUrl: string | URL
  /** `indexeddb` in browsers, `memory` elsewhere, if left out; `fileStorage()` of `/file` for programs. */
  storage?: 'memory' | 'indexeddb' | SessionStorage
  /** Under which name the session rests; one login a name. Made of the server's address if left out. */
  storageKey?: string
  /**
   * `cookie`: the refresh token rests in a cookie that no script can read, and the access token in memory. For pages of
   * the same site as the server. Default `body`.
   */
  delivery?: 'body' | 'cookie'
  /** `none`: never wait for other tabs or processes. Costs requests, not correctness. */
  lock?: 'auto' | 'none'
  /** Whether to hear of what other tabs write. Default true. */
  crossTab?: boolean
  /** Refresh by a timer while the page is visible and somebody listens. Default: in browsers only. */
  autoRefresh?: boolean
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

export type Settings = {
  baseUrl: string
  storage: SessionStorage
  storageKey: string
  delivery: 'body' | 'cookie'
  lock: 'auto' | 'none'
  crossTab: boolean
  autoRefresh: boolean
  timeoutMs: number
  retry: RetryPolicy
  apiOrigins: readonly string[] | null
  fetch: typeof fetch
  clock: Clock
  onError: (error: unknown) => void
}

/** @throws ConfigurationError */
export function readOptions(options: AuthClientOptions): Settings {
  const baseUrl = readBaseUrl(options.baseUrl)
  const { timeoutMs = 10_000, storage } = options
  if (!(timeoutMs > 0)) throw new ConfigurationError('config_invalid', '"timeoutMs" must be a number above 0.')
  if (typeof storage === 'string' && storage !== 'memory' && storage !== 'indexeddb') {
    throw new ConfigurationError('config_invalid', '"storage" is "memory", "indexeddb" or a storage object.')
  }
  // Undefined is the same as left out.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return {
    storageKey: `ntt-auth ${baseUrl}`,
    delivery: 'body',
    lock: 'auto',
    crossTab: true,
    autoRefresh: typeof document !== 'undefined',
    // Looked up at each call, so that tests and tracers may replace it.
    fetch: (input, init) => globalThis.fetch(input, init),
    clock: systemClock,
    onError: () => undefined,
    ...given,
    baseUrl,
    timeoutMs,
    storage: typeof storage === 'object' ? storage : storageNamed(storage ?? (hasIndexedDb() ? 'indexeddb' : 'memory')),
    retry: { ...defaultRetry, ...options.retry },
    apiOrigins: options.apiOrigins?.map((each) => new URL(each).origin) ?? null,
  }
}

/** Not in Node.js, whose globals must not be touched to find out. */
function hasIndexedDb(): boolean {
  return typeof indexedDB !== 'undefined'
}

function storageNamed(name: 'memory' | 'indexeddb'): SessionStorage {
  return name === 'memory' ? memoryStorage() : indexedDbStorage()
}

/** @throws ConfigurationError */
export function readBaseUrl(given: string | URL): string {
  let url: URL
  try {
    url = new URL(given)
  } catch (cause) {
    throw new ConfigurationError('config_invalid', '"baseUrl" must be a URL such as "https://auth.example.com".', {
      cause,
    })
  }
  refuseInsecure(url)
  return url.href.replace(/[?#].*$/, '').replace(/\/+$/, '')
}

/** @throws ConfigurationError `insecure_url`: whoever listens on the way would have the token */
export function refuseInsecure({ protocol, hostname }: URL): void {
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/.test(hostname)
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return
  const message = `Tokens are sent over https only, not to ${protocol}//${hostname}.`
  throw new ConfigurationError('insecure_url', message)
}
