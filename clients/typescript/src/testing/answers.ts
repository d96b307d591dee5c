import type { Problem, Tokens } from '../contract.ts'
import type { ServerCode } from '../errors/codes.ts'
import { type Flaw, passwordFlaw } from './input.ts'
import { sessionIn } from './sessions.ts'
import type { World } from './world.ts'

/** Every code that it answers with. */
const statuses: Partial<Record<ServerCode, number>> = {
  invalid_one_time_token: 400,
  invalid_credentials: 401,
  invalid_client: 401,
  unauthenticated: 401,
  invalid_token: 401,
  token_expired: 401,
  token_revoked: 401,
  invalid_refresh_token: 401,
  session_ended: 401,
  forbidden: 403,
  reauthentication_required: 403,
  invalid_password: 403,
  email_not_verified: 403,
  account_disabled: 403,
  not_found: 404,
  method_not_allowed: 405,
  email_taken: 409,
  last_admin: 409,
  refresh_superseded: 409,
  validation_failed: 422,
  password_too_short: 422,
  password_too_common: 422,
  password_too_similar: 422,
  rate_limited: 429,
  overloaded: 503,
  unavailable: 503,
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

export function nothing(): Response {
  return new Response(null, { status: 204 })
}

/** @param items those of the page, and one more where there are more */
export function page<Item>(items: Item[], limit: number, cursorOf: (last: Item) => string): Response {
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  return json({ items: shown, next_cursor: items.length > limit && last ? cursorOf(last) : null })
}

export function problem(
  { issuer }: Pick<World, 'issuer'>,
  code: ServerCode,
  more: Partial<Problem> = {},
  extra: Record<string, string> = {},
): Response {
  const status = statuses[code]!
  const body: Problem = {
    type: `${issuer}/docs/errors/${code}`,
    title: code,
    status,
    code,
    detail: `${code}.`,
    request_id: 'req-1',
    retryable: status >= 429,
    session_ended: code === 'session_ended',
    end_reason: null,
    ...more,
  }
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', ...extra }
  if (status === 401) headers['www-authenticate'] = challenge(code)
  if (body.retry_after !== undefined) headers['retry-after'] = String(body.retry_after)
  return new Response(JSON.stringify(body), { status, headers })
}

function challenge(code: ServerCode): string {
  if (code === 'invalid_client') return 'Basic realm="ntt-auth", charset="UTF-8"'
  return code === 'unauthenticated' ? 'Bearer' : 'Bearer error="invalid_token"'
}

export function invalid(world: World, errors: Flaw[]): Response {
  const detail = errors.map((each) => `${each.pointer || 'The body'}: ${each.detail}`).join(' ')
  return problem(world, 'validation_failed', { detail, errors })
}

/** @returns null for a password that will do */
export function refusedPassword(
  world: World,
  chosen: unknown,
  of: { email: string; name: string | null },
  pointer: string,
): Response | null {
  const flaw = passwordFlaw(String(chosen), of)
  const detail = 'Choose another password.'
  const errors = [{ pointer, code: String(flaw).replace('password_', ''), detail }]
  return flaw && problem(world, flaw, { detail, errors })
}

/** Tokens, the refresh token of which travels in a cookie where asked. */
export function delivered({ cookies }: World, issued: Tokens, inCookie: boolean, status = 200): Response {
  const { refresh_token, ...rest } = issued
  const answer = json(inCookie ? rest : issued, status)
  if (inCookie) cookies.set(answer, refresh_token!)
  return answer
}

/**
 * Takes the cookie away, too.
 * @param sent the cookie that came
 * @param id of the only session whose cookie goes
 */
export function withoutCookie({ cookies }: World, answer: Response, sent: string | null, id?: string): Response {
  if (sent !== null && (id === undefined || sessionIn(sent) === id)) cookies.set(answer, null)
  return answer
}
