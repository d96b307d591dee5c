import { authenticate } from '../admit.ts'
import { nothing, withoutCookie } from '../answers.ts'
import type { Handler } from '../call.ts'
import { endSession, endSessionsOf, sessionIn, sessionsOf } from '../sessions.ts'

/** By a refresh token of any generation, by the cookie, or by an access token. */
export const logout: Handler = async (world, { body, headers, cookie }) => {
  const { scope = 'this' } = body
  const shown = (body.refresh_token as string | undefined) ?? (headers.has('authorization') ? null : cookie)
  if (shown !== null) {
    const session = world.sessions.get(sessionIn(shown))
    if (session && scope === 'all') endSessionsOf(world, session.userId, 'logout_all')
    else if (session) endSession(world, session, 'logout')
    return withoutCookie(world, nothing(), cookie, session?.id)
  }
  const caller = await authenticate(world, headers)
  if (caller instanceof Response) return caller
  for (const each of sessionsOf(world, caller.account.user.id)) {
    const isThis = each === caller.session
    if (scope === 'all') endSession(world, each, 'logout_all')
    else if (isThis === (scope === 'this')) endSession(world, each, isThis ? 'logout' : 'logout_others')
  }
  return nothing()
}
