import type { Verifier } from '../verify/verifier.ts'
import { type Auth, checkGuard, exposing, judge, type Requirements } from './judge.ts'

export type { Auth, Requirements } from './judge.ts'

/** For `new Hono<AuthEnv>()`, so that `context.var.auth` has its type. */
export type AuthEnv = { Variables: { auth: Auth } }
type Context = { req: { header(name: string): string | undefined }; set(name: 'auth', value: Auth): void }

/**
 * `app.use('/notes', requireAuth(verifier))`: the handler finds `context.var.auth`, typed in a `new Hono<AuthEnv>()`.
 * @throws ConfigurationError for requirements that it does not understand
 */
export function requireAuth(
  verifier: Verifier,
  need: Requirements = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  checkGuard(verifier, need)
  return async (context, next) => {
    const verdict = await judge(verifier, context.req.header('authorization'), need)
    if ('refusal' in verdict) {
      const { status, headers, body } = verdict.refusal
      return new Response(body, { status, headers: exposing(headers, undefined) })
    }
    context.set('auth', verdict.auth)
    await next()
    return undefined
  }
}
