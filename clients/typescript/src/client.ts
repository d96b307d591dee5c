import type { Again, CallOptions } from './call.ts'
import type {
  AccountDeletion,
  EmailChange,
  MailedToken,
  MailRequest,
  PasswordChange,
  PasswordReset,
  RegisterInput,
  SessionInfo,
  User,
  UserPatch,
} from './contract.ts'
import { type AuthError, SessionEndedError } from './errors/errors.ts'
import type { Answer } from './http/exchange.ts'
import { timed } from './session/refresh.ts'
import type { Session } from './session/view.ts'
import { type LoginResult, SessionClient } from './session-client.ts'

/** `verification_required`: the server wants the e-mail address confirmed first, and has sent a mail. */
export type RegisterResult = LoginResult | { status: 'verification_required' }
export type SessionPage = { items: SessionInfo[]; nextCursor: string | null }
export type PageOptions = CallOptions & { limit?: number; cursor?: string }

/** The user's sessions, on all devices. */
export type Sessions = {
  /** One page; `nextCursor` asks for the next one. */
  list(options?: PageOptions): Promise<SessionPage>
  /** All of them, page by page. */
  all(options?: CallOptions): AsyncIterable<SessionInfo>
  revoke(id: string, options?: CallOptions): Promise<void>
}

const me = '/v1/users/me'

/** One login at one server, and the account that it belongs to. */
export class AuthClient extends SessionClient {
  readonly sessions: Sessions = {
    list: (options) => this.#listSessions(options),
    all: (options) => this.#allSessions(options),
    revoke: async (id, options) => {
      await this.callAsUser({ method: 'DELETE', path: `${me}/sessions/${encodeURIComponent(id)}`, options })
    },
  }

  /** @throws ConflictError `email_taken`, ValidationError, ForbiddenError `registration_closed` */
  async register(input: RegisterInput, options?: CallOptions): Promise<RegisterResult> {
    let lost = false
    const noteLoss = () => {
      lost = true
    }
    try {
      const request = { method: 'POST', path: '/v1/auth/register', body: input, options, again: 'transient' } as const
      return (await this.enter(request, noteLoss)) ?? { status: 'verification_required' }
    } catch (error) {
      // Our own first try may have taken the address, and only its answer got lost: then the password fits.
      if (!lost || (error as AuthError).code !== 'email_taken') throw error
      const { email, password, device_name } = input
      return this.login({ email, password, ...(device_name && { device_name }) }, options).catch(() => {
        throw error
      })
    }
  }

  /** The user as last seen in an answer; `fresh` asks the server. */
  async getUser(options: CallOptions & { fresh?: boolean } = {}): Promise<User> {
    await this.start()
    const known = this.keeper.user()
    if (known && !options.fresh) return known
    return this.#userOf(await this.callAsUser({ method: 'GET', path: me, options, again: 'transient' }))
  }

  async updateUser(patch: UserPatch, options?: CallOptions): Promise<User> {
    return this.#userOf(await this.callAsUser({ method: 'PATCH', path: me, body: patch, options, again: 'transient' }))
  }

  /** Sent once: after a lost answer nobody can tell which password counts. @throws CredentialsError, ValidationError */
  async changePassword(input: PasswordChange, options?: CallOptions): Promise<Session> {
    const answer = await this.callAsUser({ method: 'POST', path: `${me}/password`, body: input, options, turn: true })
    await this.keeper.renew(timed(answer))
    return this.state.session!
  }

  /** Deletes the account and everything in it. @throws CredentialsError `invalid_password` */
  async deleteAccount(input: AccountDeletion, options?: CallOptions): Promise<void> {
    try {
      await this.callAsUser({ method: 'DELETE', path: me, body: input, options, again: 'transient', turn: true })
    } catch (error) {
      // The first try did it, and its answer got lost.
      if (!(error instanceof SessionEndedError) || error.endReason !== 'deleted') throw error
    }
    await this.keeper.end('deleted')
  }

  /** Has a link mailed that sets a new password. Answers the same whether or not there is such an account. */
  forgotPassword(input: MailRequest, options?: CallOptions): Promise<void> {
    return this.#post('/v1/auth/forgot-password', input, options, 'transient')
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
    return this.#post('/v1/auth/verify-email/resend', input, options, 'transient')
  }

  /** Has a link mailed to the new address; nothing changes before it is followed. @throws CredentialsError */
  async changeEmail(input: EmailChange, options?: CallOptions): Promise<void> {
    await this.callAsUser({ method: 'POST', path: `${me}/email`, body: input, options, again: 'transient' })
  }

  /** Changes the address by the token of the mailed link. @throws AuthError `invalid_one_time_token` */
  confirmEmail(input: MailedToken, options?: CallOptions): Promise<void> {
    return this.#post(`${me}/email/confirm`, input, options)
  }

  async #post(path: string, body: unknown, options?: CallOptions, again?: Again): Promise<void> {
    await this.start()
    await this.call({ method: 'POST', path, body, options, ...(again && { again }) })
    // What was confirmed shows in the profile.
    if (!again && this.state.session) void this.getUser({ fresh: true }).catch(this.settings.onError)
  }

  #userOf({ body }: Answer): User {
    this.keeper.setUser(body as User)
    return body as User
  }

  async #listSessions(options: PageOptions = {}): Promise<SessionPage> {
    const { limit, cursor } = options
    const query = new URLSearchParams({ ...(limit && { limit: String(limit) }), ...(cursor && { cursor }) })
    const path = `${me}/sessions?${query}`
    const { body } = await this.callAsUser({ method: 'GET', path, options, again: 'transient' })
    const { items, next_cursor } = body as { items: SessionInfo[]; next_cursor: string | null }
    return { items, nextCursor: next_cursor }
  }

  async *#allSessions(options?: CallOptions): AsyncGenerator<SessionInfo> {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: SessionPage = await this.#listSessions({ ...options, cursor })
      yield* page.items
      cursor = page.nextCursor
    }
  }
}
