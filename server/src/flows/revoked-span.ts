import type { App } from '../app.ts'
import type { RevokedSpan } from '../domain/revocations/record.ts'
import { leewaySeconds } from '../domain/tokens/access-token.ts'

/** How long an end at `at` must be remembered: until the last access token made before it has expired on every clock. */
export function revokedSpan(app: App, at: number): RevokedSpan {
  return { before: at, until: at + app.config.accessTokenTtl + 2 * leewaySeconds * 1000 }
}
