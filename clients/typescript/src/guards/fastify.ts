import type { Verifier } from '../verify/verifier.ts'
import { type Auth, judge, type Requirements } from './judge.ts'

export type { Auth, Requirements } from './judge.ts'

type Request = { headers: { authorization?: string | undefined }; auth?: Auth }
type Reply = {
  code(status: number): Reply
  headers(headers: Record<string, string>): Reply
  send(body: string): unknown
}

/** `app.get('/notes', { preHandler: requireAuth(verifier) }, handler)`: the handler finds `authOf(request)`. */
export function requireAuth(
  verifier: Verifier,
  need: Requirements = {},
): (request: object, reply: object) => Promise<unknown> {
  return async (request, reply) => {
    const verdict = await judge(verifier, (request as Request).headers.authorization, need)
    if ('refusal' in verdict) {
      const { status, headers, body } = verdict.refusal
      return (reply as Reply).code(status).headers(headers).send(body)
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
