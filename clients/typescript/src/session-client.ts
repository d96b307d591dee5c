import { type CallOptions, call, type Request } from './call.ts'
import type { LoginInput, User } from './contract.ts'
import { type AuthError, ConfigurationError } from './errors/errors.ts'
import { fetchWithToken } from './fetch.ts'
import { detach } from './http/detach.ts'
import type { Answer } from './http/exchange.ts'
import { readOptions, type SessionClientOptions, type Settings } from './options.ts'
import { type Keeper, keepSession, type Listener } from './session/keep.ts'
import type { SessionRecord } from './session/record.ts'
import { withTokens } from './session/refresh.ts'
import type { Session, SessionState } from './session/view.ts'
import type { Keeping } from './storage/plain.ts'

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

/** `device`: the server may know it by the last refresh token. @internal */
export type Entry = Request & { device?: boolean }

/**
 * One login at one server, kept for as long as its owner, an administrator or its time lets it live. `AuthClient` is
 * this and what pages need and accounts; take this one where every byte counts. A storage that fails fails the call; a
 * logout that the server could not be told of is not repeated; no timer runs.
 */
export class SessionClient {
  /** @internal */
  protected readonly settings: Settings
  /** @internal */
  protected readonly keeper: Keeper
  /** @internal */
  protected closed = false

  /**
   * Does nothing yet: no request, no timer, no look at a storage.
   * @throws ConfigurationError
   */
  constructor(options: SessionClientOptions)
  /** @internal */
  constructor(options: SessionClientOptions, keeping?: Keeping)
  constructor(options: SessionClientOptions, keeping?: Keeping) {
    this.settings = readOptions(options, keeping)
    this.keeper = keepSession(this.settings, (record) => this.revoke(record, 'this'))
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
   * Sent once: a second try after a lost answer would be a second login. The last refresh token that is known here goes
   * along: by it the server knows a device that was here before, and lets its owner in while strangers guess.
   * @throws CredentialsError, RateLimitedError, ServerError `overloaded`
   */
  async login(input: LoginInput, options?: CallOptions): Promise<LoginResult> {
    const request = { path: '/v1/auth/login', body: input, options, device: true } as const
    return this.enter(request) as Promise<LoginResult>
  }

  /** Ends the session here at once, also offline, and tells the server. */
  async logout(options: CallOptions & { scope?: LogoutScope } = {}): Promise<LogoutResult> {
    const { scope = 'this' } = options
    if (scope === 'others') {
      const body = { scope }
      await this.callAsUser({ path: '/v1/auth/logout', body, options, again: true })
      return { remote: 'done' }
    }
    await this.start()
    const record = await this.keeper.end()
    if (!record || scope === 'local') return { remote: 'not_asked' }
    if (await this.revoke(record, scope, options)) return { remote: 'done' }
    return { remote: (await this.settings.later?.(record, scope)) ? 'queued' : 'failed' }
  }

  /** The session, or null; a look at the storage at most, never a request. */
  async getSession(): Promise<Session | null> {
    return (await this.ready()).session
  }

  /**
   * An access token that is good for `minValidSeconds`, refreshed first if it must be. While a refresh fails, a token
   * that is still valid is given out.
   * @throws LoggedOutError, SessionEndedError, RefreshUnavailableError
   */
  async getAccessToken(options: TokenOptions = {}): Promise<string> {
    await this.start()
    return detach(this.keeper.token(options), options)
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
  onChange(listener: Listener): () => void {
    const { listeners } = this.keeper
    listeners.add(listener)
    this.settings.changed?.()
    this.start().catch(this.settings.onError)
    return () => {
      listeners.delete(listener)
      this.settings.changed?.()
    }
  }

  /** Lets go of the page and of other tabs. The session stays where it is stored. */
  async close(): Promise<void> {
    this.closed = true
    this.keeper.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  protected async start(): Promise<void> {
    if (this.closed) throw new ConfigurationError('closed', 'This client was closed.')
    await this.keeper.load()
  }

  /** @internal */
  protected call(request: Request, lost?: () => void): Promise<Answer> {
    const work = () => call(this.settings, request, lost)
    return request.turn ? this.inTurn(work) : work()
  }

  /** Runs what makes the server set a cookie, while no other tab does. @internal */
  protected inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { delivery, storageKey, timeoutMs } = this.settings
    return delivery ? this.keeper.storage.lock(storageKey, timeoutMs, work) : work()
  }

  /** With the access token, and once more with another one if the server refuses this. @internal */
  protected async callAsUser(request: Request): Promise<Answer> {
    const token = await this.getAccessToken(request.options)
    const send = (bearer: string) => this.call({ ...request, headers: { authorization: `Bearer ${bearer}` } })
    try {
      return await send(token)
    } catch (error) {
      if ((error as AuthError).status !== 401) throw error
      return send(await this.tokenFor(token))
    }
  }

  /** @internal */
  protected async tokenFor(refused?: string): Promise<string> {
    await this.start()
    return this.keeper.token({ refused })
  }

  /** A request that opens a session. @returns null when it did not yet. @internal */
  protected async enter(request: Entry, lost?: () => void): Promise<LoginResult | null> {
    await this.start()
    return this.inTurn(async () => {
      const body = {
        ...(request.device && { refresh_token: await this.keeper.earlierToken() }),
        ...(this.settings.delivery && { delivery: 'cookie' }),
        ...(request.body as object),
      }
      const answer = await this.call({ ...request, body }, lost)
      if (answer.status === 202) return null
      const came = withTokens(answer)
      await this.keeper.begin(came)
      return { status: 'logged_in', session: this.state.session!, user: came.body.user }
    })
  }

  /** @returns whether the server knows @internal */
  protected async revoke({ rt }: SessionRecord, scope: 'this' | 'all', options?: CallOptions): Promise<boolean> {
    const limited = { ...options, timeoutMs: Math.min(options?.timeoutMs ?? this.settings.timeoutMs, 5000) }
    try {
      await this.inTurn(async () => {
        if (rt === undefined) {
          // A login that came since has replaced the cookie: the session that is meant is out of reach.
          await this.keeper.look()
          if (this.state.session) return
        }
        const body = { refresh_token: rt, scope }
        const request = { path: '/v1/auth/logout', body, options: limited } as const
        await this.call({ ...request, again: true, keepalive: rt !== undefined })
        if (rt) await this.keeper.remember(rt)
      })
      return true
    } catch {
      return false
    }
  }
}
