import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { Problem, Tokens, User } from '../contract.ts'
import { startTokenMint, type TokenMint } from './mint.ts'

/**
 * What becomes of a request. `lose_request`: it never arrives. `lose_reply`: the server does it, and nobody learns.
 * Others answer in the server's place.
 */
export type Fault =
  | { do: 'lose_request' | 'lose_reply' | 'html' | 'truncate' }
  | { do: 'status'; status: number; retryAfter?: number | string }
  | { do: 'wait'; until: Promise<unknown> }
  | { do: 'answer'; with: () => Response }

export type Mail = { to: string; purpose: 'reset_password' | 'verify_email' | 'change_email'; token: string }
export type SeenRequest = { method: string; path: string; headers: Headers; body: Record<string, unknown> }

export type MockServerOptions = {
  clock?: Clock
  /** Where it pretends to be. Default `https://auth.test`. */
  issuer?: string
  /** Seconds. Default 900. */
  accessTokenTtl?: number
  /** How far the server's clock is ahead of yours, in milliseconds. */
  skewMs?: number
  /** Seconds between the wish to be deleted and the deletion. Default 0: at once. */
  deletionDelay?: number
}

type MockSession = {
  id: string
  userId: string
  generation: number
  redeemers: string[]
  ended: string | null
  createdAt: number
}
type Account = { user: User; password: string }

export type MockAuthServer = {
  /** Give it to the client as its `fetch`. */
  readonly fetch: typeof fetch
  readonly issuer: string
  /** Every request that arrived, in order. */
  readonly requests: SeenRequest[]
  /** How many requests went to this path. */
  count(path: string): number
  /** What becomes of the next requests to this path, in order; those after them are answered. */
  script(path: string, ...faults: (Fault | 'deliver')[]): void
  /** What becomes of every request until it is taken back by null. */
  always(fault: Fault | null): void
  addUser(input: { email: string; password: string; roles?: string[] }): User
  /** Ends a session, or all of a user, as an administrator would. */
  endSessions(of: { sessionId?: string; userId?: string }, reason?: string): void
  /** What was mailed, in order. */
  readonly mails: readonly Mail[]
  /** The refresh token that a browser would hold in a cookie; requests that include credentials send it. */
  cookie(): string | null
  session(id: string): { generation: number; ended: string | null } | undefined
  /** Signs access tokens, and the keys to check them. */
  readonly tokens: TokenMint
}

/** NTT Auth in memory, with the refresh protocol and faults on demand: for tests without a network. */
export function mockAuthServer(options: MockServerOptions = {}): MockAuthServer {
  const {
    clock = systemClock,
    issuer = 'https://auth.test',
    accessTokenTtl = 900,
    skewMs = 0,
    deletionDelay = 0,
  } = options
  const accounts = new Map<string, Account>()
  const sessions = new Map<string, MockSession>()
  const scripts = new Map<string, (Fault | 'deliver')[]>()
  const requests: SeenRequest[] = []
  const mails: (Mail & { userId: string; used?: true })[] = []
  const now = () => clock.wall() + skewMs
  const tokens = startTokenMint({ issuer, ttl: accessTokenTtl, now })
  let standing: Fault | null = null
  /** What a browser would hold for it, and what becomes of that with an answer. */
  let cookie: string | null = null
  const cookies = new WeakMap<Response, string | null>()

  const problem = (status: number, code: string, more: Partial<Problem> = {}, headers: Record<string, string> = {}) => {
    const body: Problem = {
      type: `${issuer}/docs/errors/${code}`,
      title: code,
      status,
      code,
      detail: `${code}.`,
      request_id: 'req-1',
      retryable: status === 429 || status === 503,
      session_ended: code === 'session_ended',
      end_reason: null,
      ...more,
    }
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'content-type': 'application/problem+json', ...headers },
    })
  }
  const refused = (code: string) => problem(401, code, {}, { 'www-authenticate': 'Bearer error="invalid_token"' })
  const json = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

  const issue = async (session: MockSession, generation = session.generation): Promise<Tokens> => {
    const { user } = [...accounts.values()].find((each) => each.user.id === session.userId)!
    return {
      access_token: await tokens.sign({ sub: user.id, sid: session.id, roles: user.roles }),
      token_type: 'Bearer',
      expires_in: accessTokenTtl,
      refresh_in: Math.floor(accessTokenTtl * 0.75),
      refresh_token: `nttr_${session.id}_${generation}`,
      refresh_expires_in: 2_592_000,
      session_id: session.id,
      generation,
      server_time: new Date(now()).toISOString(),
      user,
    }
  }
  const deliver = (issued: Tokens, inCookie: boolean, status = 200): Response => {
    const { refresh_token, ...rest } = issued
    const answer = json(inCookie ? rest : issued, status)
    if (inCookie) cookies.set(answer, refresh_token!)
    return answer
  }
  const gone = (sent: string | null, id?: string, delay = 0): Response => {
    const due = new Date(now() + delay * 1000).toISOString()
    const planned = { status: 'deletion_planned', deletion_due_at: due }
    const answer = delay > 0 ? json(planned, 202) : new Response(null, { status: 204 })
    if (sent !== null && (id === undefined || idIn(sent) === id)) cookies.set(answer, null)
    return answer
  }
  const open = (userId: string): MockSession => {
    const createdAt = now()
    const session = { id: crypto.randomUUID(), userId, generation: 0, redeemers: [], ended: null, createdAt }
    sessions.set(session.id, session)
    return session
  }
  const end = (session: MockSession, reason: string) => {
    session.ended ??= reason
  }
  const ended = (session: MockSession) =>
    problem(401, 'session_ended', { session_ended: true, end_reason: session.ended as never })

  const refresh = async ({ body, headers }: SeenRequest, sent: string | null) => {
    const match = /^nttr_(.+)_(\d+)$/.exec(String(body.refresh_token ?? sent))
    const session = match && sessions.get(match[1]!)
    if (!session) return refused('invalid_refresh_token')
    if (session.ended) return ended(session)
    const key = headers.get('refresh-key') ?? ''
    const inCookie = body.refresh_token === undefined
    const [given, current] = [Number(match[2]), session.generation]
    if (given >= current) {
      session.generation = given + 1
      session.redeemers[given] = key
      return deliver(await issue(session), inCookie)
    }
    const known = session.redeemers[given] === key
    if (given === current - 1 && known) return deliver(await issue(session), inCookie)
    if (known && key !== '') return problem(409, 'refresh_superseded')
    end(session, 'refresh_token_reuse')
    return ended(session)
  }

  const signedIn = async (headers: Headers): Promise<{ account: Account; session: MockSession } | Response> => {
    const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1]
    if (!token) return problem(401, 'unauthenticated', {}, { 'www-authenticate': 'Bearer' })
    const claims = await tokens.read(token)
    const session = claims && sessions.get(claims.sid)
    if (!session) return refused('invalid_token')
    if (claims.exp * 1000 <= now()) return refused('token_expired')
    if (session.ended) return refused('token_revoked')
    return { account: [...accounts.values()].find((each) => each.user.id === session.userId)!, session }
  }

  const mail = (purpose: Mail['purpose'], { user }: Account, to = user.email) => {
    for (const each of mails) if (each.purpose === purpose && each.userId === user.id) each.used = true
    mails.push({ to, purpose, token: `ntto_${crypto.randomUUID()}`, userId: user.id })
  }
  /** The journeys that a mail is part of, for callers without a session. */
  const byMail = (path: string, body: SeenRequest['body']): Response | null => {
    const asked = {
      '/v1/auth/forgot-password': 'reset_password',
      '/v1/auth/verify-email/resend': 'verify_email',
    } as const
    if (path in asked) {
      const account = accounts.get(String(body.email))
      if (account) mail(asked[path as keyof typeof asked], account)
      return json({ status: 'accepted' }, 202)
    }
    const confirmed = {
      '/v1/auth/reset-password': 'reset_password',
      '/v1/auth/verify-email': 'verify_email',
      '/v1/users/me/email/confirm': 'change_email',
    } as const
    if (!(path in confirmed)) return null
    const purpose = confirmed[path as keyof typeof confirmed]
    const found = mails.find((each) => each.token === body.token && each.purpose === purpose && !each.used)
    if (!found) return problem(400, 'invalid_one_time_token')
    found.used = true
    const account = [...accounts.values()].find(({ user }) => user.id === found.userId)!
    accounts.delete(account.user.email)
    account.user = { ...account.user, email: found.to, email_verified: true }
    accounts.set(found.to, account)
    if (purpose === 'reset_password') {
      account.password = String(body.new_password)
      server.endSessions({ userId: found.userId }, 'password_changed')
    }
    return new Response(null, { status: 204 })
  }

  const handle = async (request: SeenRequest, sent: string | null): Promise<Response> => {
    const { method, body, headers } = request
    const path = request.path.split('?')[0]!
    if (path === '/v1/auth/refresh') return refresh(request, sent)
    if (path === '/.well-known/jwks.json') return json(await tokens.jwks())
    if (path === '/v1/auth/register') {
      if (accounts.has(String(body.email))) return problem(409, 'email_taken')
      const user = server.addUser({ email: String(body.email), password: String(body.password) })
      return deliver(await issue(open(user.id)), body.delivery === 'cookie', 201)
    }
    if (path === '/v1/auth/login') {
      const account = accounts.get(String(body.email))
      if (account?.password !== body.password) return problem(401, 'invalid_credentials')
      return deliver(await issue(open(account!.user.id)), body.delivery === 'cookie')
    }
    const shown = (body.refresh_token as string | undefined) ?? (headers.has('authorization') ? null : sent)
    if (path === '/v1/auth/logout' && shown !== null) {
      const session = sessions.get(idIn(shown))
      if (session && body.scope === 'all') server.endSessions({ userId: session.userId }, 'logout_all')
      else if (session) end(session, 'logout')
      return gone(sent, session?.id)
    }
    const mailed = byMail(path, body)
    if (mailed) return mailed
    const who = await signedIn(headers)
    if (who instanceof Response) return who
    const { account, session } = who
    const own = [...sessions.values()].filter(({ userId }) => userId === account.user.id)
    switch (`${method} ${path.replace(/[0-9a-f-]{36}$/, ':id')}`) {
      case 'POST /v1/auth/logout':
        for (const each of own) if (body.scope === 'all' || each !== session) end(each, 'logout_others')
        return new Response(null, { status: 204 })
      case 'GET /v1/auth/validate':
        return json({ active: true, claims: {}, expires_in: accessTokenTtl })
      case 'GET /v1/users/me':
        return json(account.user)
      case 'PATCH /v1/users/me':
        account.user = { ...account.user, ...body, updated_at: new Date(now()).toISOString() }
        return json(account.user)
      case 'DELETE /v1/users/me':
        if (body.password !== account.password) return problem(403, 'invalid_password')
        for (const each of own) end(each, 'deleted')
        if (deletionDelay === 0) accounts.delete(account.user.email)
        return gone(sent, session.id, deletionDelay)
      case 'POST /v1/users/me/password':
        if (body.current_password !== account.password) return problem(403, 'invalid_password')
        account.password = String(body.new_password)
        for (const each of own) if (each !== session && body.end_other_sessions !== false) end(each, 'password_changed')
        return deliver(await issue(session), sent !== null && idIn(sent) === session.id)
      case 'POST /v1/users/me/email':
        if (body.password !== account.password) return problem(403, 'invalid_password')
        mail('change_email', account, String(body.new_email))
        return json({ status: 'mail_sent' }, 202)
      case 'GET /v1/users/me/export': {
        const [user, exported_at] = [account.user, new Date(now()).toISOString()]
        const rows = own.map((each) => sessionView(each, each === session))
        return json({ exported_at, user, sessions: rows, audit: [], next_cursor: null })
      }
      case 'GET /v1/users/me/sessions': {
        const query = new URLSearchParams(request.path.split('?')[1])
        const [from, limit] = [Number(query.get('cursor') || 0), Number(query.get('limit') ?? 50)]
        const items = own.slice(from, from + limit).map((each) => sessionView(each, each === session))
        return json({ items, next_cursor: from + limit < own.length ? String(from + limit) : null })
      }
      case 'DELETE /v1/users/me/sessions/:id': {
        const other = own.find(({ id }) => path.endsWith(id))
        if (!other) return problem(404, 'not_found')
        end(other, 'logout_others')
        return new Response(null, { status: 204 })
      }
      default:
        return problem(404, 'not_found')
    }
  }

  const server: MockAuthServer = {
    issuer,
    requests,
    mails,
    tokens,
    count: (path) => requests.filter((each) => each.path.split('?')[0] === path).length,
    script: (path, ...faults) => void scripts.set(path, [...(scripts.get(path) ?? []), ...faults]),
    always(fault) {
      standing = fault
    },
    cookie: () => cookie,
    session: (id) => sessions.get(id),
    endSessions({ sessionId, userId }, reason = 'admin') {
      for (const each of sessions.values()) if (each.id === sessionId || each.userId === userId) end(each, reason)
    },
    addUser({ email, password, roles = [] }) {
      const time = new Date(now()).toISOString()
      const user: User = {
        id: crypto.randomUUID(),
        email,
        email_verified: false,
        name: null,
        locale: null,
        roles,
        status: 'active',
        metadata: {},
        created_at: time,
        updated_at: time,
        last_login_at: null,
      }
      accounts.set(email, { user, password })
      return user
    },
    async fetch(input, init) {
      const request = new Request(input, init)
      const url = new URL(request.url)
      const path = url.pathname + url.search
      const fault = standing ?? scripts.get(url.pathname)?.shift() ?? 'deliver'
      if (fault !== 'deliver' && fault.do === 'lose_request') throw new TypeError('fetch failed')
      const text = await request.text()
      const body = text ? JSON.parse(text) : {}
      const sent = request.credentials === 'include' ? cookie : null
      const seen = { method: request.method, path, headers: request.headers, body }
      requests.push(seen)
      const arrived = (answer: Response) => {
        const set = cookies.get(answer)
        if (set !== undefined && request.credentials === 'include') cookie = set
        return answer
      }
      if (fault === 'deliver') return arrived(await handle(seen, sent))
      if (fault.do === 'wait') {
        await fault.until
        init?.signal?.throwIfAborted()
        return arrived(await handle(seen, sent))
      }
      if (fault.do === 'answer') return fault.with()
      if (fault.do === 'html')
        return new Response('<html>Sign in to the Wi-Fi</html>', { headers: { 'content-type': 'text/html' } })
      if (fault.do === 'status') {
        const after = fault.retryAfter
        return new Response('', {
          status: fault.status,
          headers: after === undefined ? {} : { 'retry-after': String(after) },
        })
      }
      const answer = await handle(seen, sent)
      if (fault.do === 'lose_reply') throw new TypeError('fetch failed')
      arrived(answer)
      return new Response((await answer.text()).slice(0, 20), { status: answer.status, headers: answer.headers })
    },
  }
  return server
}

/** Of which session a refresh token is. */
function idIn(token: string): string {
  return /^nttr_(.+)_\d+$/.exec(token)?.[1] ?? ''
}

function sessionView({ id, createdAt, ended }: MockSession, current: boolean) {
  const time = new Date(createdAt).toISOString()
  const at = { created_at: time, last_used_at: time, expires_at: time, ended_at: ended ? time : null }
  return { id, device_name: null, user_agent: null, ip: null, ...at, current, end_reason: ended }
}
