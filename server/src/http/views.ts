import { toRfc3339 } from '../clock.ts'
import type { RevocationRow } from '../domain/revocations/store.ts'
import type { Session } from '../domain/sessions/list.ts'
import { normaliseEmail } from '../domain/users/email.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Tokens } from '../flows/issue-tokens.ts'
import type { Lock } from '../flows/locks-of.ts'
import type { OneTimeLink } from '../flows/one-time-link.ts'

/** How plain values look on the wire: snake_case, RFC 3339 times. */

export function userView(user: User) {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    locale: user.locale,
    roles: user.roles,
    status: user.status,
    metadata: user.metadata,
    created_at: toRfc3339(user.createdAt),
    updated_at: toRfc3339(user.updatedAt),
    last_login_at: user.lastLoginAt === null ? null : toRfc3339(user.lastLoginAt),
  }
}

export function adminUserView(user: User, lock: Lock | null) {
  const time = (milliseconds: number | null) => (milliseconds === null ? null : toRfc3339(milliseconds))
  return {
    ...userView(user),
    deletion_due_at: time(user.deletionDueAt),
    locked: lock && { reason: lock.reason, failures: lock.failures, until: time(lock.until) },
  }
}

export function linkView({ token, link, expiresAt }: OneTimeLink) {
  return { token, link, expires_at: toRfc3339(expiresAt) }
}

export function tokensView(tokens: Tokens) {
  return {
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresIn,
    refresh_in: tokens.refreshIn,
    refresh_token: tokens.refreshToken,
    refresh_expires_in: tokens.refreshExpiresIn,
    session_id: tokens.sessionId,
    generation: tokens.generation,
    server_time: toRfc3339(tokens.serverTime),
    user: userView(tokens.user),
  }
}

export function sessionView(session: Session, currentId: string) {
  return {
    id: session.id,
    device_name: session.deviceName,
    user_agent: session.userAgent,
    ip: session.ip,
    created_at: toRfc3339(session.createdAt),
    last_used_at: toRfc3339(session.lastUsedAt),
    expires_at: toRfc3339(session.expiresAt),
    current: session.id === currentId,
    ended_at: session.endedAt === null ? null : toRfc3339(session.endedAt),
    end_reason: session.endReason,
  }
}

export function revocationView({ kind, subject, before_at, until_at, reason, revoked_at }: RevocationRow) {
  return {
    kind,
    id: subject,
    before: toRfc3339(before_at),
    until: toRfc3339(until_at),
    reason,
    revoked_at: toRfc3339(revoked_at),
  }
}

/** @throws AppError `validation_failed` naming the field */
export function emailFrom(text: string, pointer = '/email'): string {
  const email = normaliseEmail(text)
  if (email !== null) return email
  const detail =
    'This is not an address we can send mail to: use name@example.com, in plain characters (a domain with others in its xn-- form).'
  throw new AppError('validation_failed', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, code: 'format', detail }],
  })
}
