import type { Verifier } from '../verify/verifier.ts'
import { type Auth, checkGuard, exposing, judge, type Requirements } from './judge.ts'

export type { Auth, Requirements } from './judge.ts'

type Request = { headers: { authorization?: string | undefined }; auth?: Auth }
type Reply = {
  code(status: number): Reply
  getHeader(name: string): unknown
  headers(headers: Record<string, string>): Reply
  send(body: string): unknown
}

/**
 * `app.get('/notes', { preHandler: requireAuth(verifier) }, handler)`: the handler finds `authOf(request)`.
 * @throws ConfigurationError for requirements that it does not understand
 */
export function requireAuth(
  verifier: Verifier,
  need: Requirements = {},
): (request: object, reply: object) => Promise<unknown> {
  checkGuard(verifier, need)
  return async (request, reply) => {
    const verdict = await judge(verifier, (request as Request).headers.authorization, need)
    if ('refusal' in verdict) {
      const { status, headers, body } = verdict.refusal
      const to = reply as Reply
      return to
        .code(status)
        .headers(exposing(headers, to.getHeader('access-control-expose-headers')))
        .send(body)
    }
    ;(request as Request).auth = verdict.auth
    return undefined
  }
}

/** Who calls, in a handler behind `requireAuth`. */
export function authOf(request: object): Auth {
  const { auth } = request as Request
  if (!auth) throw new Error('This route has no requireAuth in front of it.')
  return auth
}
