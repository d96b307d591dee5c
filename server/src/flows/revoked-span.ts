import type { RevokedSpan } from '../domain/revocations/record.ts'
import { longestLifeSeconds } from '../domain/tokens/access-token.ts'

/** So wrong a node's clock may be, ahead or behind, and what it revokes stays revoked on the others. */
const clockError = 60 * 60 * 1000

/**
 * How long an end at `at` must be remembered: until the last access token made before it has expired on every clock.
 * Not by this node's own settings: another one may give tokens a longer life, or have given it before.
 */
export function revokedSpan(at: number): RevokedSpan {
  return { before: at, until: at + longestLifeSeconds * 1000 + clockError }
}
