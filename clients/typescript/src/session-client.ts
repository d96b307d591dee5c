import { type CallOptions, call, type Request } from './call.ts'
import type { LoginInput, User } from './contract.ts'
import { type AuthError, ConfigurationError } from './errors/errors.ts'
import { fetchWithToken } from './fetch.ts'
import { detach } from './http/detach.ts'
import type { Answer, Wire } from './http/exchange.ts'
import { type AuthClientOptions, readOptions, type Settings } from './options.ts'
import { watchPage } from './page.ts'
import { type AuthEvent, type Keeper, keepSession } from './session/keep.ts'
import type { SessionRecord } from './session/record.ts'
import { timed } from './session/refresh.ts'
import { type Queue, queueRevocation, sendQueued } from './session/revocations.ts'
import type { Session, SessionState } from './session/view.ts'

export type LoginResult = { status: 'logged_in'; session: Session; user: User }
/** `others` and `all` are the user's sessions on all devices; `local` tells the server nothing. */
export type LogoutScope = 'this' | 'others' | 'all' | 'local'
/** Whether the server knows; `queued`: it is told at the next start. */
export type LogoutResult = { remote: 'done' | 'queued' | 'failed' | 'not_asked' }
export type TokenOptions = CallOptions & {
  /** Default 5. */
  minValidSeconds?: number
  forceRefresh?: boolean
}

export type Diagnostics = {
  state: SessionState['status']
  storage: { kind: string; atomic: boolean }
  locks: boolean
  /** Server time minus this machine's, as last measured. */
  skewSeconds: number
  lastRefresh: Date | null
  /** `refreshes` were begun here, `refreshRequests` sent, `adopted` found done by another tab or process. */
  counters: { refreshes: number; refreshRequests: number; adopted: number; failures: number }
}

/**
 * One login at one server, kept for as long as its owner, an administrator or its time lets it live. `AuthClient` is
 * this and everything about accounts; take this one where every byte counts.
 */
export class SessionClient {
  /** @internal */
  protected readonly settings: Settings
  /** @internal */
  protected readonly keeper: Keeper
  readonly #wire: Wire
  #unwatch: (() => void) | undefined
  #closed = false

  /**
   * Does nothing yet: no request, no timer, no look at a storage.
   * @throws ConfigurationError
   */
  constructor(options: AuthClientOptions) {
    this.settings = readOptions(options)
    const { fetch, baseUrl, clock, delivery } = this.settings
    this.#wire = { fetch, baseUrl, clock, credentials: delivery === 'cookie' ? 'include' : 'omit' }
    const revoke = (record: SessionRecord) => this.#revoke(record, 'this')
    this.keeper = keepSession({ ...this.settings, wire: this.#wire, revoke })
  }

  /** What is known right now; never asks a storage or the network. */
  get state(): SessionState {
    return this.keeper.view()
  }

  /** Reads the storage, once. */
  async ready(options?: CallOptions): Promise<SessionState> {
    await detach(this.start(), options)
    return this.state
  }

  /**
   * Sent once: a second try after a lost answer would be a second login.
   * @throws CredentialsError, RateLimitedError, ServerError `overloaded`
   */
  async login(input: LoginInput, options?: CallOptions): Promise<LoginResult> {
    return this.enter({ method: 'POST', path: '/v1/auth/login', body: input, options }) as Promise<LoginResult>
  }

  /** Ends the session here at once, also offline, and tells the server. */
  async logout(options: CallOptions & { scope?: LogoutScope } = {}): Promise<LogoutResult> {
    const { scope = 'this' } = options
    if (scope === 'others') {
      const body = { scope }
      await this.callAsUser({ method: 'POST', path: '/v1/auth/logout', body, options, again: 'transient' })
      return { remote: 'done' }
    }
    await this.start()
    const record = await this.keeper.end()
    if (!record || scope === 'local') return { remote: 'not_asked' }
    if (await this.#revoke(record, scope, options)) return { remote: 'done' }
    return { remote: (await queueRevocation(this.#queue, record, scope)) ? 'queued' : 'failed' }
  }

  /** The session, or null; a look at the storage at most, never a request. */
  async getSession(): Promise<Session | null> {
    await this.start()
    return this.state.session
  }

  /**
   * An access token that is good for `minValidSeconds`, refreshed first if it must be. While a refresh fails, a token
   * that is still valid is given out.
   * @throws LoggedOutError, SessionEndedError, RefreshUnavailableError
   */
  async getAccessToken(options?: TokenOptions): Promise<string> {
    if (!this.#unwatch || this.#closed) await this.start()
    if (!options) return this.keeper.token()
    const { minValidSeconds = 5, forceRefresh = false } = options
    return detach(this.keeper.token({ minValidMs: minValidSeconds * 1000, forceRefresh }), options)
  }

  /** Replaces the tokens now, also when a try of before said to wait. */
  async refresh(options?: CallOptions): Promise<Session> {
    await this.start()
    await detach(this.keeper.token({ forceRefresh: true, early: true }), options)
    return this.state.session!
  }

  /**
   * `fetch` with the access token. A 401 that says the token is invalid leads to one refresh and one repetition, where
   * the body can be sent again.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    return fetchWithToken(this.settings, (refused) => this.tokenFor(refused), input, init)
  }

  /** Called after each change, synchronously and never awaited. @returns removes it */
  onChange(listener: (event: AuthEvent) => void): () => void {
    const stop = this.keeper.listen(listener)
    this.start().catch(this.settings.onError)
    return stop
  }

  diagnostics(): Diagnostics {
    const { storage, lock } = this.settings
    return {
      state: this.state.status,
      storage: { kind: storage.kind, atomic: storage.atomic },
      locks: lock === 'auto' && !!storage.lock,
      skewSeconds: this.keeper.skewMs() / 1000,
      lastRefresh: this.keeper.lastRefresh(),
      counters: { ...this.keeper.counters },
    }
  }

  /** Lets go of the page and of other tabs. The session stays where it is stored. */
  async close(): Promise<void> {
    this.#closed = true
    this.#unwatch?.()
    this.keeper.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  protected async start(): Promise<void> {
    if (this.#closed) throw new ConfigurationError('closed', 'This client was closed; make a new one.')
    const first = !this.#unwatch
    this.#unwatch ??= watchPage(this.keeper, this.settings.autoRefresh)
    await this.keeper.load()
    if (first) void this.#sendQueued()
  }

  /** @internal */
  protected call(request: Request, lost?: () => void): Promise<Answer> {
    const work = () => call(this.settings, this.#wire, request, lost)
    return request.turn ? this.keeper.inTurn(work) : work()
  }

  /** With the access token, and once more with another one if the server refuses this. @internal */
  protected async callAsUser(request: Request): Promise<Answer> {
    const { signal, timeoutMs } = request.options ?? {}
    const token = await this.getAccessToken({ ...(signal && { signal }), ...(timeoutMs && { timeoutMs }) })
    const send = (bearer: string) => this.call({ ...request, headers: { authorization: `Bearer ${bearer}` } })
    try {
      return await send(token)
    } catch (error) {
      if ((error as AuthError).status !== 401) throw error
      return send(await this.tokenFor(token))
    }
  }

  /** @internal */
  protected async tokenFor(refused: string | undefined): Promise<string> {
    if (!this.#unwatch || this.#closed) await this.start()
    return this.keeper.token(refused === undefined ? undefined : { refused })
  }

  /** A request that opens a session. @returns null when it did not yet. @internal */
  protected async enter({ body, ...request }: Request, lost?: () => void): Promise<LoginResult | null> {
    await this.start()
    const delivery = this.settings.delivery === 'cookie' && 'cookie'
    // The cookie is all that knows of a session that was left offline, and is about to be replaced.
    if (delivery) await this.#sendQueued()
    return this.keeper.inTurn(async () => {
      const answer = await this.call({ ...request, body: { ...(body as object), ...(delivery && { delivery }) } }, lost)
      if (answer.status === 202) return null
      const came = timed(answer)
      await this.keeper.begin(came)
      return { status: 'logged_in', session: this.state.session!, user: came.tokens.user }
    })
  }

  get #queue(): Queue {
    return { storage: this.keeper.storage, key: `${this.settings.storageKey}.logouts` }
  }

  #sendQueued(): Promise<void> {
    return sendQueued(this.#queue, (record, scope) => this.#revoke(record, scope))
  }

  /** @returns whether the server knows */
  async #revoke({ rt }: SessionRecord, scope: 'this' | 'all', options?: CallOptions): Promise<boolean> {
    const limited = { ...options, timeoutMs: Math.min(options?.timeoutMs ?? this.settings.timeoutMs, 5000) }
    const body = { refresh_token: rt, scope }
    const request = { method: 'POST', path: '/v1/auth/logout', body, options: limited, again: 'transient' } as const
    const byCookie = async () => {
      // A login that came since has replaced the cookie: the session that is meant is out of reach.
      await this.keeper.look()
      if (!this.state.session) await this.call(request)
    }
    try {
      await (rt === undefined ? this.keeper.inTurn(byCookie) : this.call({ ...request, keepalive: true }))
      return true
    } catch {
      return false
    }
  }
}
