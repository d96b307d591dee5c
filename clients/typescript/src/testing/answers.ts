import type { Problem, Tokens } from '../contract.ts'
import { type Flaw, passwordFlaw } from './input.ts'
import { sessionIn } from './sessions.ts'
import type { World } from './world.ts'

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

export function nothing(): Response {
  return new Response(null, { status: 204 })
}

export function problem(
  { issuer }: World,
  status: number,
  code: string,
  more: Partial<Problem> = {},
  headers: Record<string, string> = {},
): Response {
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

/** A token that is no good. */
export function refused(world: World, code: string): Response {
  return problem(world, 401, code, {}, { 'www-authenticate': 'Bearer error="invalid_token"' })
}

export function invalid(world: World, errors: Flaw[]): Response {
  const detail = errors.map((each) => `${each.pointer || 'The body'}: ${each.detail}`).join(' ')
  return problem(world, 422, 'validation_failed', { detail, errors })
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
  return flaw && problem(world, 422, flaw, { detail, errors })
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
