import { createHash } from 'node:crypto'
import type { Tx } from '../../database/connect.ts'
import { newId, randomToken } from '../../random.ts'
import { deleteOneTimeTokensOfUser, hasMailedToken, insertOneTimeToken, type OneTimeTokenRow } from './store.ts'

export type Purpose = OneTimeTokenRow['purpose']

const minute = 60 * 1000
const hour = 60 * minute

/** How long a link is good, in milliseconds. An invitation may wait for somebody to come to work. */
export const lives: Record<Purpose, number> = {
  invitation: 24 * hour,
  password_reset: hour,
  email_verification: 24 * hour,
  email_change: hour,
}

/** A newer link of one of these replaces the older ones of all: two ways to choose a password, and one each for the rest. */
const kin: Record<Purpose, Purpose[]> = {
  invitation: ['invitation', 'password_reset'],
  password_reset: ['invitation', 'password_reset'],
  email_verification: ['email_verification'],
  email_change: ['email_change'],
}

/** What goes into a link, and until when it is good (milliseconds since 1970). */
export type OneTimeToken = { token: string; expiresAt: number }

/**
 * A token for one act of one user, at one address; those it was given for the like before are worth nothing any more.
 * @param now milliseconds since 1970
 * @param mailed whether it travels by mail only
 * @param replaces `mailed`: what somebody was given by hand stays good, because anybody could have asked for this one
 */
export async function createOneTimeToken(
  tx: Tx,
  purpose: Purpose,
  user: { id: string; email: string },
  now: number,
  mailed = false,
  replaces: 'all' | 'mailed' = 'all',
): Promise<OneTimeToken> {
  const token = `ntto_${randomToken(32)}`
  const expiresAt = now + lives[purpose]
  await deleteOneTimeTokensOfUser(tx, user.id, kin[purpose], replaces === 'mailed')
  await insertOneTimeToken(tx, {
    id: newId(now),
    hash: hashOneTimeToken(token),
    purpose,
    user_id: user.id,
    email: user.email,
    created_at: now,
    expires_at: expiresAt,
    used_at: null,
    mailed: mailed ? 1 : 0,
  })
  return { token, expiresAt }
}

/** For so long after a link was mailed nothing that a stranger does makes it worthless; milliseconds. */
export const leftAloneFor = 10 * minute

/** Whether the user was mailed such a link a moment ago, which is to stay as it is. */
export async function wasMailedJustNow(
  tx: Tx,
  purpose: Purpose,
  user: { id: string; email: string },
  now: number,
): Promise<boolean> {
  return hasMailedToken(tx, user.id, kin[purpose], user.email, now - leftAloneFor, now)
}

/** SHA-256: a token carries 256 random bits, so there is nothing that a slow hash would protect. */
export function hashOneTimeToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
