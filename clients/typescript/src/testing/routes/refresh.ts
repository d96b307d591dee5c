import { delivered, problem } from '../answers.ts'
import type { Handler } from '../call.ts'
import { endSession, issueTokens } from '../sessions.ts'
import type { MockSession, World } from '../world.ts'

/** A used token is answered again only to whoever used it: its key shows that. */
export const refresh: Handler = async (world, { body, headers, cookie }) => {
  const match = /^nttr_(.+)_(\d+)$/.exec(String(body.refresh_token ?? cookie))
  const session = match && world.sessions.get(match[1]!)
  if (!session) return problem(world, 'invalid_refresh_token')
  if (session.ended) return ended(world, session)
  const key = headers.get('refresh-key') ?? ''
  const inCookie = body.refresh_token === undefined
  const [given, current] = [Number(match[2]), session.generation]
  if (given >= current) {
    session.generation = given + 1
    session.redeemers[given] = key
    return delivered(world, await issueTokens(world, session), inCookie)
  }
  const known = session.redeemers[given] === key
  if (given === current - 1 && known) return delivered(world, await issueTokens(world, session), inCookie)
  if (known && key !== '') return problem(world, 'refresh_superseded')
  endSession(world, session, 'refresh_token_reuse')
  return ended(world, session)
}

function ended(world: World, session: MockSession): Response {
  return problem(world, 'session_ended', { end_reason: session.ended })
}
