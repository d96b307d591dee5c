import { problem } from './answers.ts'
import type { Call, Caller } from './call.ts'
import type { World } from './world.ts'

/** How long ago an administrator may have logged in, for what is delicate; seconds. */
const recent = 15 * 60

/** Whose access token came, or what is answered to one that is no good. */
export async function authenticate(world: World, headers: Headers): Promise<Caller | Response> {
  const given = headers.get('authorization')
  if (given === null) return problem(world, 'unauthenticated')
  const claims = await world.tokens.read(/^Bearer +([^ ]+)$/i.exec(given)?.[1] ?? '')
  const session = claims && world.sessions.get(claims.sid)
  if (!session) return problem(world, 'invalid_token')
  if (claims.exp * 1000 <= world.now()) return problem(world, 'token_expired')
  const account = world.accounts.get(session.userId)
  const { roles_id = claims.sub } = claims
  if (session.ended || roles_id !== account?.rolesId) return problem(world, 'token_revoked')
  return { account, session, claims }
}

/** Any credential of a service will do. */
export function isService({ headers }: Pick<Call, 'headers'>): boolean {
  return /^Basic ./i.test(headers.get('authorization') ?? '')
}

/** @returns what is answered to whoever is no administrator; null where it is one */
export function refusedRole(world: World, { claims }: Caller): Response | null {
  return claims.roles.includes('admin') ? null : problem(world, 'forbidden')
}

/** @returns what is answered where the login was too long ago; null where it was not */
export function refusedAge(world: World, { claims }: Caller): Response | null {
  const isRecent = world.now() / 1000 - claims.auth_time <= recent
  return isRecent ? null : problem(world, 'reauthentication_required')
}
