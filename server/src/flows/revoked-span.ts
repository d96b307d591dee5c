import { mostSkew } from '../clock.ts'
import type { RevokedSpan } from '../domain/revocations/record.ts'
import { leewaySeconds, longestLifeSeconds } from '../domain/tokens/access-token.ts'

/** One node that is as far ahead as it may be made the token, and one that is as far behind ends it. */
const clockError = 2 * mostSkew + leewaySeconds * 1000

/**
 * How long an end at `at` must be remembered: until the last access token made before it has expired on every clock.
 * Not by this node's own settings: another one may give tokens a longer life, or have given it before.
 */
export function revokedSpan(at: number): RevokedSpan {
  return { before: at, until: at + longestLifeSeconds * 1000 + clockError }
}
