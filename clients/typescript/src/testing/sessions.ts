import type { SessionInfo, Tokens } from '../contract.ts'
import { accountOf } from './accounts.ts'
import type { Account, MockSession, World } from './world.ts'

export function startSession(world: World, { user }: Account, device: unknown): MockSession {
  const session: MockSession = {
    id: crypto.randomUUID(),
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

export function endSession(world: World, session: MockSession, reason: string): void {
  if (session.ended) return
  session.ended = reason
  session.endedAt = world.now()
  const [before, until] = [0, world.accessTokenTtl * 1000].map((ms) => new Date(world.now() + ms).toISOString())
  world.revocations.push({ kind: 'session', id: session.id, before: before!, until: until! })
}

export function endSessionsOf(world: World, userId: string, reason: string): void {
  for (const each of sessionsOf(world, userId)) endSession(world, each, reason)
}

/** Oldest first. */
export function sessionsOf(world: World, userId: string): MockSession[] {
  return [...world.sessions.values()].filter((each) => each.userId === userId)
}

/** What a client gets of a session at its generation. */
export async function issueTokens(world: World, session: MockSession): Promise<Tokens> {
  const { accessTokenTtl } = world
  const { user } = accountOf(world, session.userId)!
  return {
    access_token: await world.tokens.sign({ sub: user.id, sid: session.id, roles: user.roles }),
    token_type: 'Bearer',
    expires_in: accessTokenTtl,
    refresh_in: Math.floor(accessTokenTtl * 0.75),
    refresh_token: `nttr_${session.id}_${session.generation}`,
    refresh_expires_in: 2_592_000,
    session_id: session.id,
    generation: session.generation,
    server_time: new Date(world.now()).toISOString(),
    user,
  }
}

/** Of which session a refresh token is. */
export function sessionIn(token: string): string {
  return /^nttr_(.+)_\d+$/.exec(token)?.[1] ?? ''
}

export function sessionView({ id, createdAt, ended, endedAt, device }: MockSession, current: boolean): SessionInfo {
  const time = new Date(createdAt).toISOString()
  const ended_at = ended && new Date(endedAt).toISOString()
  const at = { created_at: time, last_used_at: time, expires_at: time, ended_at }
  return {
    id,
    device_name: device,
    user_agent: null,
    ip: null,
    ...at,
    current,
    end_reason: ended as SessionInfo['end_reason'],
  }
}
