import type { Verifier } from '../verify/verifier.ts'
import { type Auth, checkGuard, exposing, judge, type Requirements } from './judge.ts'

export type { Auth, Requirements } from './judge.ts'

type Request = { headers: { authorization?: string | undefined } }
type Response = {
  getHeader(name: string): unknown
  writeHead(status: number, headers: Record<string, string>): { end(body: string): unknown }
}

/**
 * `app.get('/notes', requireAuth(verifier), handler)`: the handler finds `authOf(request)`.
 * @throws ConfigurationError for requirements that it does not understand
 */
export function requireAuth(
  verifier: Verifier,
  need: Requirements = {},
): (request: Request, response: Response, next: (error?: unknown) => void) => Promise<void> {
  checkGuard(verifier, need)
  return async (request, response, next) => {
    try {
      const verdict = await judge(verifier, request.headers.authorization, need)
      if ('refusal' in verdict) {
        const { status, headers, body } = verdict.refusal
        response.writeHead(status, exposing(headers, response.getHeader('access-control-expose-headers'))).end(body)
        return
      }
      ;(request as { auth?: Auth }).auth = verdict.auth
    } catch (error) {
      return next(error)
    }
    next()
  }
}

/** Who calls, in a handler behind `requireAuth`; also `request.auth`. */
export function authOf(request: object): Auth {
  const { auth } = request as { auth?: Auth }
  if (!auth) throw new Error('This route has no requireAuth in front of it.')
  return auth
}
