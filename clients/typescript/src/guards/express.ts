import type { Verifier } from '../verify/verifier.ts'
import { type Auth, judge, type Requirements } from './judge.ts'

export type { Auth, Requirements } from './judge.ts'

type Request = { headers: { authorization?: string | undefined }; auth?: Auth }
type Response = { writeHead(status: number, headers: Record<string, string>): { end(body: string): unknown } }

/** `app.get('/notes', requireAuth(verifier), handler)`: the handler finds `request.auth`. */
export function requireAuth(
  verifier: Verifier,
  need: Requirements = {},
): (request: Request, response: Response, next: (error?: unknown) => void) => Promise<void> {
  return async (request, response, next) => {
    try {
      const verdict = await judge(verifier, request.headers.authorization, need)
      if ('refusal' in verdict) {
        const { status, headers, body } = verdict.refusal
        response.writeHead(status, headers).end(body)
        return
      }
      request.auth = verdict.auth
    } catch (error) {
      return next(error)
    }
    next()
  }
}
