import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { Problem, Tokens, User } from '../contract.ts'
import { flawsOf, passwordFlaw } from './input.ts'
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
  endedAt: number
  createdAt: number
  device: string | null
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
  /** Any password will do; those who register or change theirs are held to the server's rules. */
  addUser(input: { email: string; password: string; roles?: readonly string[]; name?: string; locale?: string }): User
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

/**
 * NTT Auth in memory, with the refresh protocol and faults on demand: for tests without a network. It answers what
 * `AuthClient`, `createServerClient` and `createVerifier` ask, as the server does. It has no routes of administrators, no
 * limits of rates, no list of common passwords, and no stream of revocations: verifiers poll.
 */
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
  const revocations: { kind: 'session'; id: string; before: string; until: string }[] = []
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
  const open = (account: Account, device: unknown): MockSession => {
    const createdAt = now()
    const id = crypto.randomUUID()
    const fresh = {
      generation: 0,
      redeemers: [],
      ended: null,
      endedAt: 0,
      createdAt,
      device: (device as string) ?? null,
    }
    const session = { id, userId: account.user.id, ...fresh }
    sessions.set(id, session)
    return session
  }
  const end = (session: MockSession, reason: string) => {
    if (session.ended) return
    session.ended = reason
    session.endedAt = now()
    const [before, until] = [0, accessTokenTtl * 1000].map((ms) => new Date(now() + ms).toISOString())
    revocations.push({ kind: 'session', id: session.id, before: before!, until: until! })
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
      const account = accountOf(body.email)
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
    const account = [...accounts.values()].find(({ user }) => user.id === found.userId)!
    const weak = purpose === 'reset_password' && refusedPassword(body.new_password, account.user, '/new_password')
    if (weak) return weak
    found.used = true
    accounts.delete(account.user.email)
    account.user = { ...account.user, email: found.to, email_verified: true }
    accounts.set(found.to, account)
    if (purpose === 'reset_password') {
      account.password = String(body.new_password)
      server.endSessions({ userId: found.userId }, 'password_changed')
    }
    return new Response(null, { status: 204 })
  }

  const accountOf = (email: unknown) => accounts.get(String(email).toLowerCase())
  const invalid = (errors: ReturnType<typeof flawsOf>) => {
    const detail = errors.map((each) => `${each.pointer || 'The body'}: ${each.detail}`).join(' ')
    return problem(422, 'validation_failed', { detail, errors })
  }
  const refusedPassword = (chosen: unknown, of: { email: string; name: string | null }, pointer: string) => {
    const flaw = passwordFlaw(String(chosen), of)
    const detail = 'Choose another password.'
    return flaw && problem(422, flaw, { detail, errors: [{ pointer, code: flaw.replace('password_', ''), detail }] })
  }
  /** The feed, for services that ask: any credential will do. */
  const feed = ({ path, headers }: SeenRequest): Response => {
    if (!headers.get('authorization')?.startsWith('Basic ')) return problem(401, 'invalid_client')
    if (path.includes('/stream')) return problem(503, 'overloaded', {}, { 'retry-after': '5' })
    const since = Number(new URLSearchParams(path.split('?')[1]).get('since') ?? 0)
    return json({ cursor: String(revocations.length), items: revocations.slice(since), more: false })
  }

  const handle = async (request: SeenRequest, sent: string | null): Promise<Response> => {
    const { method, body, headers } = request
    const path = request.path.split('?')[0]!
    const route = `${method} ${path.replace(/\/sessions\/[^/]+$/, '/sessions/:id')}`
    if (!routes.has(route)) {
      const known = [...routes].some((each) => each.split(' ')[1] === route.split(' ')[1])
      return known ? problem(405, 'method_not_allowed') : problem(404, 'not_found')
    }
    if (path.startsWith('/v1/revocations')) return feed(request)
    if (path === '/.well-known/jwks.json') return json(await tokens.jwks())
    if (isPersonal(route)) {
      const who = await signedIn(headers)
      if (who instanceof Response) return who
      const flaws = flawsOf(route, body)
      return flaws.length > 0 ? invalid(flaws) : own(route, request, sent, who)
    }
    const flaws = flawsOf(route, body)
    if (flaws.length > 0) return invalid(flaws)
    if (path === '/v1/auth/refresh') return refresh(request, sent)
    if (path === '/v1/auth/register') {
      if (accountOf(body.email)) return problem(409, 'email_taken')
      const { email, password, name, locale } = body as Parameters<typeof server.addUser>[0]
      const weak = refusedPassword(password, { email, name: name ?? null }, '/password')
      if (weak) return weak
      server.addUser({ email, password, ...(name && { name }), ...(locale && { locale }) })
      return deliver(await issue(open(accountOf(email)!, body.device_name)), body.delivery === 'cookie', 201)
    }
    if (path === '/v1/auth/login') {
      const account = accountOf(body.email)
      if (account?.password !== body.password) return problem(401, 'invalid_credentials')
      account!.user = { ...account!.user, last_login_at: new Date(now()).toISOString() }
      return deliver(await issue(open(account!, body.device_name)), body.delivery === 'cookie')
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
    return who instanceof Response ? who : own(route, request, sent, who)
  }

  /** What somebody who is logged in may ask for. */
  const own = async (
    route: string,
    request: SeenRequest,
    sent: string | null,
    { account, session }: { account: Account; session: MockSession },
  ): Promise<Response> => {
    const { body } = request
    const path = request.path.split('?')[0]!
    const query = new URLSearchParams(request.path.split('?')[1])
    const all = [...sessions.values()].filter(({ userId }) => userId === account.user.id)
    switch (route) {
      case 'POST /v1/auth/logout': {
        const { scope = 'this' } = body
        for (const each of all) {
          if (scope === 'all') end(each, 'logout_all')
          else if ((each === session) === (scope === 'this')) end(each, scope === 'this' ? 'logout' : 'logout_others')
        }
        return new Response(null, { status: 204 })
      }
      case 'GET /v1/auth/validate':
        return json({ active: true, claims: {}, expires_in: accessTokenTtl })
      case 'GET /v1/users/me':
        return json(account.user)
      case 'PATCH /v1/users/me':
        account.user = { ...account.user, ...body, updated_at: new Date(now()).toISOString() }
        return json(account.user)
      case 'DELETE /v1/users/me':
        if (body.password !== account.password) return problem(403, 'invalid_password')
        for (const each of all) end(each, 'deleted')
        if (deletionDelay === 0) accounts.delete(account.user.email)
        return gone(sent, session.id, deletionDelay)
      case 'POST /v1/users/me/password': {
        const weak = refusedPassword(body.new_password, account.user, '/new_password')
        if (weak) return weak
        if (body.current_password !== account.password) return problem(403, 'invalid_password')
        account.password = String(body.new_password)
        for (const each of all) if (each !== session && body.end_other_sessions !== false) end(each, 'password_changed')
        return deliver(await issue(session), sent !== null && idIn(sent) === session.id)
      }
      case 'POST /v1/users/me/email':
        if (body.password !== account.password) return problem(403, 'invalid_password')
        if (accountOf(body.new_email) === account) {
          return invalid([{ pointer: '/new_email', code: 'same', detail: 'This is your address already.' }])
        }
        mail('change_email', account, String(body.new_email).toLowerCase())
        return json({ status: 'mail_sent' }, 202)
      case 'GET /v1/users/me/export': {
        const [user, exported_at] = [account.user, new Date(now()).toISOString()]
        const rows = all.map((each) => sessionView(each, each === session))
        return json({
          exported_at,
          user,
          sessions: rows,
          mail: [],
          links: [],
          wrong_passwords: null,
          audit: [],
          next_cursor: null,
        })
      }
      case 'GET /v1/users/me/sessions': {
        const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 50)]
        const bad = (name: string) => [{ pointer: `/query/${name}`, code: 'format', detail: 'This is not acceptable.' }]
        if (!(limit >= 1 && limit <= 200)) return invalid(bad('limit'))
        if (!Number.isSafeInteger(from)) return invalid(bad('cursor'))
        const newest = all.toReversed()
        const items = newest.slice(from, from + limit).map((each) => sessionView(each, each === session))
        return json({ items, next_cursor: from + limit < newest.length ? String(from + limit) : null })
      }
      case 'DELETE /v1/users/me/sessions/:id': {
        const id = path.split('/').at(-1)!
        if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
          return invalid([
            { pointer: '/params/id', code: 'pattern', detail: 'Send an id as this server hands it out.' },
          ])
        }
        const other = all.find((each) => each.id === id)
        if (!other) return problem(404, 'not_found')
        end(other, other === session ? 'logout' : 'logout_others')
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
    addUser({ email: given, password, roles = [], name, locale }) {
      const email = given.toLowerCase()
      const time = new Date(now()).toISOString()
      const user: User = {
        id: crypto.randomUUID(),
        email,
        email_verified: false,
        name: name ?? null,
        locale: locale ?? null,
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
      const body = parsed(text)
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

/** What there is; `:id` stands for one. */
const routes = new Set([
  ...['register', 'login', 'refresh', 'logout', 'forgot-password', 'reset-password', 'verify-email']
    .concat('verify-email/resend')
    .map((each) => `POST /v1/auth/${each}`),
  'GET /v1/auth/validate',
  ...['GET', 'PATCH', 'DELETE'].map((each) => `${each} /v1/users/me`),
  ...['password', 'email', 'email/confirm'].map((each) => `POST /v1/users/me/${each}`),
  ...['export', 'sessions'].map((each) => `GET /v1/users/me/${each}`),
  'DELETE /v1/users/me/sessions/:id',
  'GET /v1/revocations',
  'GET /v1/revocations/stream',
  'GET /.well-known/jwks.json',
])

/** Whether a route is for whoever is logged in, and for nobody else. */
function isPersonal(route: string): boolean {
  return (route.includes(' /v1/users/me') && !route.endsWith('/email/confirm')) || route.endsWith('/validate')
}

/** What is no JSON is no body. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text || '{}')
  } catch {
    return [] as never
  }
}

/** Of which session a refresh token is. */
function idIn(token: string): string {
  return /^nttr_(.+)_\d+$/.exec(token)?.[1] ?? ''
}

function sessionView({ id, createdAt, ended, endedAt, device }: MockSession, current: boolean) {
  const time = new Date(createdAt).toISOString()
  const ended_at = ended && new Date(endedAt).toISOString()
  const at = { created_at: time, last_used_at: time, expires_at: time, ended_at }
  return { id, device_name: device, user_agent: null, ip: null, ...at, current, end_reason: ended }
}
