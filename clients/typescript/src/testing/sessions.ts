import type { SessionInfo, Tokens } from '../contract.ts'
import { type Account, type EndReason, type MockSession, timeText, type World } from './world.ts'

const idle = 2_592_000

export function startSession(world: World, { user }: Account, device: unknown): MockSession {
  const session: MockSession = {
    id: world.newId(),
    userId: user.id,
    generation: 0,
    redeemers: [],
    ended: null,
    endedAt: 0,
    createdAt: world.now(),
    device: (device as string) ?? null,
  }
  world.sessions.set(session.id, session)
  return session
}

export function endSession(world: World, session: MockSession, reason: EndReason): void {
  if (session.ended) return
  session.ended = reason
  session.endedAt = world.now()
  world.revocations.push({
    kind: 'session',
    id: session.id,
    before: timeText(session.endedAt),
    until: timeText(session.endedAt + world.accessTokenTtl * 1000),
    reason,
    revoked_at: timeText(session.endedAt),
  })
}

export function endSessionsOf(world: World, userId: string, reason: EndReason): void {
  for (const each of sessionsOf(world, userId)) endSession(world, each, reason)
}

/** Oldest first. */
export function sessionsOf(world: World, userId: string): MockSession[] {
  return [...world.sessions.values()].filter((each) => each.userId === userId)
}

/** What a client gets of a session at its generation. */
export async function issueTokens(world: World, session: MockSession): Promise<Tokens> {
  const { accessTokenTtl } = world
  const { user, rolesId } = world.accounts.get(session.userId)!
  const now = world.now()
  const iat = Math.floor(now / 1000)
  const times = { iat, nbf: iat, exp: iat + accessTokenTtl, auth_time: Math.floor(session.createdAt / 1000) }
  return {
    access_token: await world.tokens.sign({
      sub: user.id,
      sid: session.id,
      roles: user.roles,
      roles_id: rolesId,
      ...times,
    }),
    token_type: 'Bearer',
    expires_in: accessTokenTtl,
    refresh_in: Math.floor(accessTokenTtl * 0.75),
    refresh_token: `nttr_${session.id}_${session.generation}`,
    refresh_expires_in: idle,
    session_id: session.id,
    generation: session.generation,
    server_time: timeText(now),
    user,
  }
}

/** Of which session a refresh token is. */
export function sessionIn(token: string): string {
  return /^nttr_(.+)_\d+$/.exec(token)?.[1] ?? ''
}

export function sessionView({ id, createdAt, ended, endedAt, device }: MockSession, current: boolean): SessionInfo {
  return {
    id,
    device_name: device,
    user_agent: null,
    ip: null,
    created_at: timeText(createdAt),
    last_used_at: timeText(createdAt),
    expires_at: timeText(createdAt + idle * 1000),
    current,
    ended_at: ended && timeText(endedAt),
    end_reason: ended,
  }
}
