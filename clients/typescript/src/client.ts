import type { CallOptions, Request } from './call.ts'
import type {
  AccountDeletion,
  EmailChange,
  LoginInput,
  MailedToken,
  MailRequest,
  OwnData,
  PasswordChange,
  PasswordReset,
  PlannedDeletion,
  RegisterInput,
  SessionInfo,
  Tokens,
  User,
  UserPatch,
} from './contract.ts'
import type { AuthError } from './errors/errors.ts'
import { fetchWithToken } from './fetch.ts'
import { type Answer, notOurs } from './http/exchange.ts'
import { type Hooks, type SessionClientOptions, wrong } from './options.ts'
import { type PageWatch, watchPage } from './page.ts'
import type { SessionRecord } from './session/record.ts'
import { type Failed, type Note, type Refreshed, recordOf } from './session/refresh.ts'
import { type Queue, revocationQueue } from './session/revocations.ts'
import { hold, type Session, type SessionState } from './session/view.ts'
import { type Entry, type LoginResult, type LogoutResult, type LogoutScope, SessionClient } from './session-client.ts'
import { indexedDbStorage } from './storage/indexeddb.ts'
import { memoryStorage } from './storage/memory.ts'
import { resilient } from './storage/resilient.ts'
import type { SessionStorage } from './storage/storage.ts'

/** `verification_required`: the server wants the e-mail address confirmed first, and has sent a mail. */
export type RegisterResult = LoginResult | { status: 'verification_required' }
/** One page of the device list, newest first; `nextCursor` is null on the last one. */
export type SessionPage = { items: SessionInfo[]; nextCursor: string | null }
/** `limit`: how many, 1 to 200, 50 if left out. `cursor`: the `nextCursor` of the page before. */
export type PageOptions = CallOptions & { limit?: number; cursor?: string }

/** The user's sessions, on all devices. */
export type Sessions = {
  /** One page; `nextCursor` asks for the next one. */
  list(options?: PageOptions): Promise<SessionPage>
  /** All of them, page by page. */
  all(options?: CallOptions): AsyncIterable<SessionInfo>
  /**
   * Ends one of them, also the one of this device.
   * @param id a `SessionInfo.id`.
   * @throws AuthError `not_found`
   */
  revoke(id: string, options?: CallOptions): Promise<void>
}

const me = '/v1/users/me'

/** What an `AuthClient` is made of; only `baseUrl` must be given. */
export type AuthClientOptions = SessionClientOptions & {
  /** Where the session rests. Default `indexedDbStorage()` in browsers, `memoryStorage()` elsewhere. */
  storage?: SessionStorage
  /** Refresh by a timer while the page is visible and somebody listens. Default: in browsers only. */
  autoRefresh?: boolean
}

/** What to put into a bug report: it holds no token and no address of a user. */
export type Diagnostics = {
  /** The status of `client.state`. */
  state: SessionState['status']
  /** As the storage says of itself. */
  storage: { kind: string; atomic: boolean }
  /** Whether tabs or processes take turns to refresh. */
  locks: boolean
  /** Server time minus this machine's, as last measured. */
  skewSeconds: number
  /** When this client last refreshed, by this machine’s clock. */
  lastRefresh: Date | null
  /** `refreshes` were begun here, `refreshRequests` sent, `adopted` found done by another tab or process. */
  counters: { refreshes: number; refreshRequests: number; adopted: number; failures: number }
}

/** What becomes of a deleted account. `unknown`: the answer got lost; it is gone, or will be. */
export type AccountDeletionResult =
  | { status: 'deleted' }
  /** A login before `dueAt` keeps it. */
  | { status: 'deletion_planned'; dueAt: Date }
  | { status: 'unknown' }

/** One login at one server, and the account that it belongs to. */
export class AuthClient extends SessionClient {
  /** The device list: every session of the user. */
  readonly sessions: Sessions = {
    list: async (options) => {
      const { value } = await this.#pages<SessionRows>('sessions', { limit: 50, ...options }).next()
      return { items: value.items, nextCursor: value.next_cursor }
    },
    all: (options) => this.#allSessions(options),
    revoke: async (id, options) => {
      // No path of any other kind: ".." would lead elsewhere.
      if (!/^[\w-]+$/.test(id)) throw wrong('id', 'session id', typeof id)
      await this.callAsUser({ method: 'DELETE', path: `${me}/sessions/${id}`, options })
    },
  }
  readonly #counters = { refreshes: 0, refreshRequests: 0, adopted: 0, failures: 0 }
  readonly #watch: PageWatch
  readonly #queue: Queue
  #user: User | undefined
  #skew = 0
  #lastRefresh: Date | null = null

  /**
   * Does nothing yet: no request, no timer, no look at a storage.
   * @throws ConfigurationError
   */
  constructor(given: AuthClientOptions) {
    const storage = given?.storage ?? (globalThis.indexedDB ? indexedDbStorage() : memoryStorage())
    super({ ...given, storage }, resilient(), { autoRefresh: !!globalThis.document })
    this.#watch = watchPage(this.keeper, this.settings.autoRefresh!)
    this.#queue = revocationQueue(this.keeper.storage, `${this.settings.storageKey}.logouts`, this.settings.baseUrl)
    Object.assign(this.settings, {
      note: (what) => this.#note(what),
      changed: () => {
        // The first time only.
        this.settings.changed = this.#watch.plan
        void this.#sendQueued()
        this.#watch.start()
      },
      later: this.#queue.add,
    } satisfies Hooks)
  }

  /** How the client is doing, right now. */
  diagnostics(): Diagnostics {
    const { kind, atomic, lock } = this.settings.storage
    return {
      state: this.state.status,
      storage: { kind, atomic },
      locks: this.settings.lock === 'auto' && !!lock,
      skewSeconds: this.#skew,
      lastRefresh: this.#lastRefresh,
      counters: { ...this.#counters },
    }
  }

  /** Lets go of the page and of other tabs. The session stays where it is stored; the client is of no more use. */
  override close(): Promise<void> {
    // What is still under way must not look at the page again.
    this.settings.changed = undefined!
    this.#watch.stop()
    return super.close()
  }

  /**
   * `fetch` with the access token. A 401 that says the token is invalid leads to one refresh and one repetition, where
   * the body can be sent again. Rejects as `fetch` does, and with an AuthError where there is no token.
   */
  fetch(input: string | URL | globalThis.Request, init?: RequestInit): Promise<Response> {
    const tokenFor = (signal: AbortSignal | null | undefined, refused?: SessionRecord) =>
      this.run({ signal: signal! }, () => this.tokenFor({ refused }))
    return fetchWithToken(this.settings, tokenFor, input, init)
  }

  /** Ends the session here at once, also offline, and tells the server. `others`: only those on other devices. */
  override async logout(options?: CallOptions & { scope?: LogoutScope | 'others' }): Promise<LogoutResult> {
    const scope = options?.scope
    if (scope !== 'others') return super.logout(options as Parameters<SessionClient['logout']>[0])
    await this.callAsUser({ path: '/v1/auth/logout', body: { scope }, options, again: true })
    return { remote: 'done' }
  }

  /** @throws ConflictError `email_taken`, ValidationError, ForbiddenError `registration_closed` */
  async register(input: RegisterInput, options?: CallOptions): Promise<RegisterResult> {
    let lost = false
    const request = { path: '/v1/auth/register', body: input, options, again: true } as const
    const entered = await this.enter(request, () => {
      lost = true
    }).catch((error: AuthError) => {
      // Our own first try may have taken the address, and only its answer got lost: then the password fits.
      if (!lost || error.code !== 'email_taken') throw error
      return this.login({ ...input, name: undefined, locale: undefined } as LoginInput, options).catch(() => {
        throw error
      })
    })
    return entered ?? { status: 'verification_required' }
  }

  /** The user as last seen in an answer; `fresh` asks the server. */
  async getUser(options?: CallOptions & { fresh?: boolean }): Promise<User> {
    await this.ready(options)
    const known = Object.freeze(this.#user)
    if (known && known.id === this.state.session?.userId && !options?.fresh) return known
    return this.#userOf(await this.callAsUser({ method: 'GET', path: me, options, again: true }))
  }

  /** Changes what is named, and nothing else. @throws ValidationError */
  async updateUser(patch: UserPatch, options?: CallOptions): Promise<User> {
    return this.#userOf(await this.callAsUser({ method: 'PATCH', path: me, body: patch, options, again: true }))
  }

  /** Sent once: after a lost answer nobody can tell which password counts. @throws CredentialsError, ValidationError */
  async changePassword(input: PasswordChange, options?: CallOptions): Promise<Session> {
    const answer = await this.callAsUser({ path: `${me}/password`, body: input, options, turn: true })
    const changed = recordOf(this.settings.baseUrl, 0, answer)
    await this.keeper.store.write(({ record: before }) =>
      // A refresh may have gone further meanwhile: its tokens are the newer ones.
      before?.sid === changed.sid && before.n <= changed.n
        ? recordOf(before.iss, before.gen + 1, answer, before)
        : undefined,
    )
    await this.keeper.look()
    this.#user = (answer.body as Tokens).user
    // Not the state's: somebody else may be logged in by now. What `hold` reckons by a clock is not in it.
    return hold(changed, 0, 0).session
  }

  /** Deletes the account and everything in it, at once or later, as the server has it. @throws CredentialsError `invalid_password` */
  async deleteAccount(input: AccountDeletion, options?: CallOptions): Promise<AccountDeletionResult> {
    const request: Request = { method: 'DELETE', path: me, body: input, options, again: true, turn: true }
    const answer = await this.callAsUser(request).catch((error: AuthError) => {
      // The first try did it, and its answer got lost; or another tab did.
      if (!request.user || error.endReason !== 'deleted') throw error
    })
    await this.keeper.end('deleted', request.user)
    const due = (answer?.body as PlannedDeletion | undefined)?.deletion_due_at
    if (due) return { status: 'deletion_planned', dueAt: new Date(due) }
    return { status: answer ? 'deleted' : 'unknown' }
  }

  /** All that the server knows of the user: profile, sessions, and what the audit log says, newest first. */
  async exportData(options?: CallOptions): Promise<OwnData> {
    const pages = []
    for await (const page of this.#pages<OwnData>('export', options)) pages.push(page)
    return { ...pages[0]!, audit: pages.flatMap(({ audit }) => audit), next_cursor: null }
  }

  /** Has a link mailed that sets a new password. Answers the same whether or not there is such an account. */
  forgotPassword(input: MailRequest, options?: CallOptions): Promise<void> {
    return this.#post('/v1/auth/forgot-password', input, options, true)
  }

  /**
   * Sets a new password by the token of the mailed link, or of an invitation. Ends all sessions of the account, and opens
   * none. @throws AuthError `invalid_one_time_token`, ValidationError
   */
  resetPassword(input: PasswordReset, options?: CallOptions): Promise<void> {
    return this.#post('/v1/auth/reset-password', input, options)
  }

  /** Confirms the address by the token of the mailed link. @throws AuthError `invalid_one_time_token` */
  verifyEmail(input: MailedToken, options?: CallOptions): Promise<void> {
    return this.#post('/v1/auth/verify-email', input, options)
  }

  /** Has that link mailed once more. Answers the same whether or not there is such an account. */
  resendVerification(input: MailRequest, options?: CallOptions): Promise<void> {
    return this.#post('/v1/auth/verify-email/resend', input, options, true)
  }

  /** Has a link mailed to the new address; nothing changes before it is followed. @throws CredentialsError */
  async changeEmail(input: EmailChange, options?: CallOptions): Promise<void> {
    await this.callAsUser({ path: `${me}/email`, body: input, options, again: true })
  }

  /** Changes the address by the token of the mailed link. @throws AuthError `invalid_one_time_token` */
  confirmEmail(input: MailedToken, options?: CallOptions): Promise<void> {
    return this.#post(`${me}/email/confirm`, input, options)
  }

  /** With the access token, and once more with another one of the same user if the server refuses this. @internal */
  protected callAsUser(request: Request): Promise<Answer> {
    return this.run(request.options, async (patience) => {
      const token = await this.tokenFor({ user: request.user })
      request.user = token.sub
      const send = ({ at }: SessionRecord) =>
        this.call({ ...request, ...patience, headers: { authorization: `Bearer ${at}` } })
      return send(token).catch(async (error: AuthError) => {
        const next = error.status === 401 && (await this.tokenFor({ refused: token }))
        if (!next || next.at === token.at) throw error
        return send(next)
      })
    })
  }

  async #post(path: string, body: unknown, given?: CallOptions, again?: boolean | undefined): Promise<void> {
    await this.run(given, (patience) => this.call({ path, body, again, ...patience }), true)
    // What was confirmed shows in the profile.
    if (!again && this.state.session) void this.getUser({ fresh: true }).catch(this.settings.onError)
  }

  #userOf({ body, status }: Answer): User {
    const user = body as User
    if (!user?.email) throw notOurs(status)
    const before = JSON.stringify(this.#user)
    this.#user = user
    if (JSON.stringify(user) !== before) this.keeper.tell('user_updated')
    return user
  }

  /** @internal */
  protected override async enter(request: Entry, lost?: () => void): Promise<LoginResult | null> {
    // The cookie is all that knows of a session that was left offline, and is about to be replaced.
    if (this.settings.delivery) await this.run({}, () => this.#sendQueued(), true)
    return super.enter(request, lost)
  }

  #sendQueued(): Promise<unknown> {
    return this.#queue.send((record, scope) => this.revoke(record, scope)).catch(this.settings.onError)
  }

  #note(what: Note): void {
    const { error, record, tokens } = what as Partial<Failed & Refreshed>
    if (typeof what === 'string') this.#counters[what]++
    if (error) this.#counters.failures++
    if (!record) return
    if (!tokens) this.#counters.adopted++
    else {
      this.#user = tokens.user
      if (tokens.generation > 0) this.#lastRefresh = new Date(record.rcv * 1000)
    }
    // A clock that is off by a minute is worth telling of.
    const told = Math.abs(this.#skew) > 60
    this.#skew = record.off
    if (!told && Math.abs(record.off) > 60) this.keeper.tell('clock_skew')
  }

  async *#pages<T extends { next_cursor: string | null }>(what: string, options?: PageOptions): AsyncGenerator<T> {
    const { limit = 200, cursor } = { ...options }
    const path = `${me}/${what}?limit=${limit}`
    const request: Request = { method: 'GET', path, options, again: true }
    for (let next: string | null | undefined = cursor; next !== null; ) {
      if (next) request.path = `${path}&cursor=${encodeURIComponent(next)}`
      const { body, status } = await this.callAsUser(request)
      const page = body as T
      next = page?.next_cursor
      if (next === undefined) throw notOurs(status)
      yield page
    }
  }

  async *#allSessions(options?: CallOptions): AsyncGenerator<SessionInfo> {
    for await (const { items } of this.#pages<SessionRows>('sessions', options)) yield* items
  }
}

type SessionRows = { items: SessionInfo[]; next_cursor: string | null }
