import type { CallOptions } from './call.ts'
import type { AccountDeletion, PasswordChange, RegisterInput, SessionInfo, User, UserPatch } from './contract.ts'
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
    await this.start()
    let lost = false
    const noteLoss = () => {
      lost = true
    }
    try {
      const request = { method: 'POST', path: '/v1/auth/register', body: input, options, again: 'transient' } as const
      const answer = await this.call(request, noteLoss)
      return answer.status === 202 ? { status: 'verification_required' } : await this.loggedIn(answer)
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
    const answer = await this.callAsUser({ method: 'POST', path: `${me}/password`, body: input, options })
    await this.keeper.renew(timed(answer))
    return this.state.session!
  }

  /** Deletes the account and everything in it. @throws CredentialsError `invalid_password` */
  async deleteAccount(input: AccountDeletion, options?: CallOptions): Promise<void> {
    try {
      await this.callAsUser({ method: 'DELETE', path: me, body: input, options, again: 'transient' })
    } catch (error) {
      // The first try did it, and its answer got lost.
      if (!(error instanceof SessionEndedError) || error.endReason !== 'deleted') throw error
    }
    await this.keeper.end('deleted')
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
