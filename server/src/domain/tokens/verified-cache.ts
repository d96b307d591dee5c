import type { AccessClaims } from './access-token.ts'

export type VerifiedToken = { claims: AccessClaims; kid: string }

/**
 * Tokens whose signature and claims were found right, so that the next request with the same text costs no signature
 * check. Expiry, the key and revocation are still asked every time. Bounded: the oldest entry makes room.
 */
export type VerifiedCache = {
  get(token: string): VerifiedToken | undefined
  set(token: string, verified: VerifiedToken): void
}

export function verifiedCache(capacity: number): VerifiedCache {
  const entries = new Map<string, VerifiedToken>()
  return {
    get: (token) => entries.get(token),
    set(token, verified) {
      if (entries.size >= capacity) entries.delete(entries.keys().next().value!)
      entries.set(token, verified)
    },
  }
}
