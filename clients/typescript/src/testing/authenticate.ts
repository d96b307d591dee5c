import { accountOf } from './accounts.ts'
import { problem, refused } from './answers.ts'
import type { Caller } from './call.ts'
import type { World } from './world.ts'

/** Whose access token came, or what is answered to one that is no good. */
export async function authenticate(world: World, headers: Headers): Promise<Caller | Response> {
  const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1]
  if (!token) return problem(world, 401, 'unauthenticated', {}, { 'www-authenticate': 'Bearer' })
  const claims = await world.tokens.read(token)
  const session = claims && world.sessions.get(claims.sid)
  if (!session) return refused(world, 'invalid_token')
  if (claims.exp * 1000 <= world.now()) return refused(world, 'token_expired')
  if (session.ended) return refused(world, 'token_revoked')
  return { account: accountOf(world, session.userId)!, session }
}
