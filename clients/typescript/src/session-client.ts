import { type CallOptions, call, type Patience, type Request } from './call.ts'
import type { LoginInput, Tokens, User } from './contract.ts'
import { type AuthError, ConfigurationError } from './errors/errors.ts'
import type { Answer } from './http/exchange.ts'
import { within } from './http/within.ts'
import { checkLike, readOptions, type SessionClientOptions, type Settings } from './options.ts'
import { type Keeper, keepSession, type Listener, type TokenWish } from './session/keep.ts'
import type { SessionRecord } from './session/record.ts'
import type { Scope, Told } from './session/revocations.ts'
import type { Session, SessionState } from './session/view.ts'
import type { Keeping } from './storage/plain.ts'

/** `session` as `client.state` shows it, `user` as the server knows the user. */
export type LoginResult = { status: 'logged_in'; session: Session; user: User }
/** `all` are the user's sessions on all devices; `local` tells the server nothing. */
export type LogoutScope = 'this' | 'all' | 'local'
/** Whether the server knows; `queued`: it is told at the next start. */
export type LogoutResult = { remote: 'done' | 'queued' | 'failed' | 'not_asked' }
/** How good the access token must be. */
export type TokenOptions = CallOptions & {
  /** Default 5. No more than nine tenths of a token's life can be had. */
  minValidSeconds?: number
  /** Refresh also where the token is good: for an API that refused it. */
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
  declare protected readonly settings: Settings
  /** @internal */
  declare protected readonly keeper: Keeper
  /** @internal */
  protected closed = false

  /**
   * Does nothing yet: no request, no timer, no look at a storage.
   * @throws ConfigurationError
   */
  constructor(options: SessionClientOptions)
  /** @internal */
  constructor(options: SessionClientOptions, keeping?: Keeping, more?: object)
  constructor(options: SessionClientOptions, keeping?: Keeping, more?: object) {
    this.settings = readOptions(options, keeping, more)
    this.keeper = keepSession(this.settings, (record) => this.revoke(record, 'this'))
  }

  /** What is known right now; never asks a storage or the network. */
  get state(): SessionState {
    return this.keeper.view()
  }

  /** Reads the storage, once. */
  ready(options?: CallOptions): Promise<SessionState> {
    return this.run(options, async () => this.keeper.view())
  }

  /**
   * Sent once: a second try after a lost answer would be a second login. The last refresh token that is known here goes
   * along: by it the server knows a device that was here before, and lets its owner in while strangers guess.
   * @throws CredentialsError, RateLimitedError, ServerError `overloaded`
   */
  async login(input: LoginInput, options?: CallOptions): Promise<LoginResult> {
    return this.enter({ path: '/v1/auth/login', body: input, options, device: true }) as Promise<LoginResult>
  }

  /** Ends the session here at once, also offline, and tells the server. */
  async logout(options?: CallOptions & { scope?: LogoutScope }): Promise<LogoutResult> {
    const { scope = 'this' } = { ...options }
    const record = await this.run({}, () => this.keeper.end())
    if (!record || scope === 'local') return { remote: 'not_asked' }
    const remote = await this.revoke(record, scope, options)
    if (remote !== 'later') return { remote }
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
  async getAccessToken(options?: TokenOptions): Promise<string> {
    return (await this.run(options, () => this.tokenFor({ ...options }))).at
  }

  /** Replaces the tokens now, also when a try of before said to wait. */
  async refresh(options?: CallOptions): Promise<Session> {
    await this.run(options, () => this.tokenFor({ forceRefresh: true, early: true }))
    return this.state.session!
  }

  /** Called after each change, synchronously and never awaited. @returns removes it */
  onChange(listener: Listener): () => void {
    checkLike('listener', listener, checkLike)
    this.start().catch(this.settings.onError)
    const { listeners } = this.keeper
    listeners.add(listener)
    this.settings.changed?.()
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

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  protected start(): Promise<void> {
    if (this.closed) throw new ConfigurationError('closed', 'The client is closed.')
    return this.keeper.load()
  }

  /**
   * Starts, and works for as long as the caller has patience.
   * @param blind also where the storage cannot be read
   * @internal
   */
  protected run<T>(
    options: CallOptions | undefined,
    work: (patience: Patience) => Promise<T>,
    blind?: boolean,
  ): Promise<T> {
    const timeoutMs = options?.timeoutMs ?? this.settings.timeoutMs
    return within({ ...options, timeoutMs }, async (signal) => {
      await this.start().catch((error) => {
        if (!blind) throw error
      })
      return work({ timeoutMs, signal })
    })
  }

  /** @internal */
  protected call(request: Request & Patience, lost?: () => void): Promise<Answer> {
    const { body } = request
    if ('body' in request) checkLike('input', body ?? undefined, {})
    const work = () => call(this.settings, request, lost)
    return request.turn ? this.inTurn(work) : work()
  }

  /** Runs what makes the server set a cookie, while no other tab does. @internal */
  protected inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { delivery, storageKey, timeoutMs } = this.settings
    return delivery ? this.keeper.storage.lock(storageKey, timeoutMs, work) : work()
  }

  /** @internal */
  protected tokenFor(wish: TokenWish): Promise<SessionRecord> {
    return this.keeper.token(wish)
  }

  /** A request that opens a session. @returns null when it did not yet. @internal */
  protected enter(request: Entry, lost?: () => void): Promise<LoginResult | null> {
    const work = async (patience: Patience): Promise<LoginResult | null> => {
      const body = {
        refresh_token: request.device && (await this.keeper.store.read()).rt,
        delivery: this.settings.delivery && 'cookie',
        ...(request.body as object),
      }
      const answer = await this.call({ ...request, ...patience, body }, lost)
      // A login opens a session or fails: whoever accepts it for later is not our server.
      if (answer.status === 202 && !request.device) return null
      await this.keeper.begin(answer)
      return { status: 'logged_in', session: this.state.session!, user: (answer.body as Tokens).user }
    }
    return this.run(request.options, (patience) => this.inTurn(() => work(patience)), true)
  }

  /** @internal */
  protected async revoke({ rt }: SessionRecord, scope: Scope, options?: CallOptions): Promise<Told> {
    const { store } = this.keeper
    const timeoutMs = Math.min(options?.timeoutMs ?? this.settings.timeoutMs, 5000)
    const tell = (signal: AbortSignal) =>
      this.inTurn(async () => {
        if (!rt) {
          // A login that came since has replaced the cookie: the session that is meant is out of reach.
          await this.keeper.look()
          if (this.state.session) return
        }
        const body = { refresh_token: rt, scope }
        await this.call({ path: '/v1/auth/logout', body, again: true, keepalive: !!rt, signal, timeoutMs })
        // It is dead by now, and shows the next login that this device was here before. Only over an end that is written
        // down: where nothing can be read, or what is there is none of ours, somebody may be logged in.
        if (rt) {
          await store.write(({ gen, end }) =>
            end && end.reason !== 'none' ? { v: 1, gen: gen + 1, ended: end.reason, by: 'user', rt } : undefined,
          )
        }
      })
    try {
      await within({ ...options, timeoutMs }, tell)
      return 'done'
    } catch (error) {
      const { problem, retryable } = error as AuthError
      return !problem || retryable ? 'later' : 'failed'
    }
  }
}
