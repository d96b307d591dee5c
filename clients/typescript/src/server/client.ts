import type { Request as Call, CallOptions } from '../call.ts'
import { type Check, check, isAddress, isFlag, isFunction, listOf, senderChecks } from '../check.ts'
import { type AccountDeletionResult, AuthClient, type AuthClientOptions } from '../client.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { AccountDeletion, PasswordChange, Problem } from '../contract.ts'
import { ConfigurationError } from '../errors/errors.ts'
import { misconfigured } from '../options.ts'
import type { TokenWish } from '../session/keep.ts'
import type { SessionRecord } from '../session/record.ts'
import type { Session } from '../session/view.ts'
import type { LoginResult, LogoutResult, LogoutScope } from '../session-client.ts'
import { type AnswerHeaders, outOfCaches } from './adapters.ts'
import { forgetAnswers, recentAnswer } from './answers.ts'
import { type CookieStorage, type Cookies, cookieStorage } from './cookie-storage.ts'
import { sealer } from './seal.ts'

/** What a client of one request is made of. */
export type ServerClientOptions = Pick<
  AuthClientOptions,
  'baseUrl' | 'timeoutMs' | 'retry' | 'apiOrigins' | 'fetch' | 'clock' | 'onError'
> & {
  /**
   * Seals the cookie: 32 random characters or more, the same on all your machines. Of several the first seals.
   * `undefined`, as of a variable that is not set, is refused.
   */
  secret: string | readonly string[] | undefined
  /** Of this request and its answer; `nodeCookies` and `webCookies` make them. */
  cookies: Cookies
  /**
   * Of the answer: told that no cache may keep it. Needed where cookies are written; null says that your framework keeps
   * such answers out of caches by itself.
   */
  headers?: AnswerHeaders | null
  /** Default `__Host-ntt-auth-session`. */
  cookieName?: string
  /** False only for a machine of your own without https. */
  secure?: boolean
}

/** An `AuthClient` whose session rests in a cookie of your own site, for one request. */
export type ServerClient = AuthClient

/**
 * The session of the user whose request this is: make one for each request, and keep none. The tokens rest sealed in one
 * HttpOnly cookie. Where no cookie can be written, nothing is refreshed either.
 * @throws ConfigurationError
 */
export function createServerClient(options: ServerClientOptions): ServerClient {
  return new RequestClient(options)
}

class RequestClient extends AuthClient {
  readonly #cookie: CookieStorage

  constructor(given: ServerClientOptions) {
    const secrets = checkOptions(given)
    const { secret: _secret, cookies, headers, cookieName, secure = true, ...options } = given
    const name = cookieName ?? (secure ? '__Host-ntt-auth-session' : 'ntt-auth-session')
    const { clock = systemClock, fetch = globalThis.fetch } = options
    const touched = (carriesIt: boolean) =>
      headers && (cookies.canWrite?.() ?? true) && forbidCaches(headers, carriesIt)
    const storage = cookieStorage(cookies, { name, secure, sealer: sealer(secrets, name), touched, now: clock.wall })
    super({
      ...options,
      storage,
      storageKey: 'login',
      lock: 'none',
      crossTab: false,
      autoRefresh: false,
      fetch: refreshingFetch(fetch, storage, clock),
    })
    this.#cookie = storage
  }

  /** Refreshes what is due while it can, so that those who cannot write find a token that lasts. @internal */
  protected override tokenFor(wish: TokenWish): Promise<SessionRecord> {
    const state = this.keeper.state()
    if (!wish.refused && this.#cookie.canWrite() && 'held' in state && this.keeper.ticks() >= state.held.dueAt) {
      const left = state.held.expiresAt - this.keeper.ticks()
      return super.tokenFor({ ...wish, minValidSeconds: Math.max(5, left / 1000 + 1) })
    }
    return super.tokenFor(wish)
  }

  override logout(options?: CallOptions & { scope?: LogoutScope | 'others' }): Promise<LogoutResult> {
    return this.#writing(async () => {
      const { session } = await this.ready()
      const forget = (id?: string) => id !== undefined && forgetAnswers(id, this.settings.clock.wall())
      forget(session?.id)
      if (options?.scope === 'all') forget(session?.userId)
      const { remote } = await super.logout(options)
      // Nothing outlives the request, so nothing waits for the next start.
      return { remote: remote === 'queued' ? 'failed' : remote }
    })
  }

  override changePassword(input: PasswordChange, options?: CallOptions): Promise<Session> {
    return this.#writing(() => super.changePassword(input, options))
  }

  override deleteAccount(input: AccountDeletion, options?: CallOptions): Promise<AccountDeletionResult> {
    return this.#writing(async () => {
      const { session } = await this.ready()
      const result = await super.deleteAccount(input, options)
      if (session) forgetAnswers(session.userId, this.settings.clock.wall())
      return result
    })
  }

  /** @internal */
  protected override enter(call: Call, lost?: () => void): Promise<LoginResult | null> {
    return this.#writing(
      () => super.enter(call, lost),
      // A session that no cookie can hold would be nobody's.
      () => super.logout(),
    )
  }

  /** Says at once, and not when it is too late, that the cookie cannot be written. */
  async #writing<T>(work: () => Promise<T>, undo?: () => Promise<unknown>): Promise<T> {
    if (!this.#cookie.canWrite()) {
      const message = 'This changes the session, and no cookie can be written here: do it before the headers are sent.'
      throw new ConfigurationError('config_invalid', message)
    }
    const done = await work()
    const failure = this.#cookie.failure()
    if (!failure) return done
    await undo?.().catch(() => undefined)
    throw failure
  }
}

const isSecret = (value: unknown) => typeof value === 'string' && value.length >= 32
const optional = (value: unknown) => value === undefined || typeof value === 'function'

const checks: Record<string, Check> = {
  secret: [
    (value) => [value].flat().every(isSecret) && [value].flat().length > 0,
    'have 32 characters or more, or be a list of such texts',
  ],
  cookies: [
    (value) => {
      const { get, set, canWrite } = Object(value)
      return typeof get === 'function' && optional(set) && optional(canWrite)
    },
    'be those of this request: nodeCookies and webCookies make them',
  ],
  headers: [
    (value) => value === null || (typeof Object(value).get === 'function' && typeof Object(value).set === 'function'),
    'be those of the answer, with get and set, or null',
  ],
  // RFC 6265 §4.1.1
  cookieName: [
    (value) => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value),
    'be the name of a cookie',
    true,
  ],
  secure: isFlag,
  ...senderChecks,
  apiOrigins: listOf(isAddress, 'URLs: https://…'),
  onError: isFunction,
}

/**
 * @returns the secrets
 * @throws ConfigurationError
 */
function checkOptions(options: ServerClientOptions): string[] {
  check('createServerClient', Object(options), checks, ['secret', 'cookies'])
  const { secret, cookies, headers, cookieName = '', secure = true } = options
  if (cookies.set && headers === undefined) {
    throw misconfigured(
      '"headers" of the answer must be given beside cookies that are written, or a cache could hand out the session.',
    )
  }
  if (!secure && /^__(host|secure)-/i.test(cookieName)) {
    throw misconfigured(`"cookieName" must not begin so where "secure" is false: no browser would keep ${cookieName}.`)
  }
  return [secret].flat() as string[]
}

/** Lets no refresh out whose answer could not be kept. */
function refreshingFetch(
  fetch: typeof globalThis.fetch,
  storage: CookieStorage,
  clock: Clock,
): typeof globalThis.fetch {
  const began = clock.monotonic()
  return async (input, init) => {
    if (!String(input).endsWith('/v1/auth/refresh')) return fetch(input, init)
    if (!storage.canWrite()) return readOnly()
    if (clock.monotonic() - began > newest) return outlived()
    const { refresh_token } = JSON.parse(String(init?.body))
    const answer = await recentAnswer(`${input} ${refresh_token}`, clock.wall, () => fetch(input, init))
    // The browser has it from the request that asked, or asks again with the same key; or it was logged out meanwhile.
    if (answer.shared) storage.keepToSelf()
    if (answer.response.status === 409) return outlived()
    return answer.response
  }
}

/** A token that is sent later than ten minutes after others went on looks like a thief's. */
const newest = 9 * 60_000

/** The browser has a newer cookie from another request by now, and this one cannot read it. Nothing has ended. */
function outlived(): Response {
  const detail = 'Other requests went on while this one lasted: the next request has the newer cookie.'
  const problem = { code: 'request_outlived', detail, retryable: true, retry_after: 60 }
  return new Response(JSON.stringify(problem), {
    status: 409,
    headers: { 'content-type': 'application/problem+json' },
  })
}

function readOnly(): Response {
  const detail = 'No cookie can be written here, so nothing is refreshed: refresh in a middleware or an action.'
  const problem: Pick<Problem, 'code' | 'detail' | 'retryable'> = { code: 'read_only', detail, retryable: false }
  return new Response(JSON.stringify(problem), {
    status: 409,
    headers: { 'content-type': 'application/problem+json' },
  })
}

function forbidCaches(headers: AnswerHeaders, carriesTheCookie: boolean): void {
  if (carriesTheCookie && headers.setLast) headers.setLast('cache-control', outOfCaches)
  else headers.set('cache-control', outOfCaches)
  const vary = headers.get('vary') ?? ''
  if (!/(^|,)\s*(cookie|\*)\s*(,|$)/i.test(vary)) headers.set('vary', vary ? `${vary}, Cookie` : 'Cookie')
}
