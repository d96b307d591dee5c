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
  const entries = new Map<string, { token: string; verified: VerifiedToken }>()
  return {
    get(token) {
      const entry = entries.get(ending(token))
      return entry !== undefined && entry.token === token ? entry.verified : undefined
    },
    set(token, verified) {
      if (entries.size >= capacity) entries.delete(entries.keys().next().value!)
      entries.set(ending(token), { token, verified })
    },
  }
}

/**
 * A part of the signature, which no two good tokens share: to hash a whole token costs more than everything else that
 * is asked of one that is known. The whole text is compared afterwards.
 */
function ending(token: string): string {
  return token.slice(-32)
}
