import { createHash } from 'node:crypto'
import { ConfigurationError } from '../errors/errors.ts'
import { TokenRefusedError } from './errors.ts'
import { type JwksSnapshot, keySource } from './keys.ts'
import { type FeedOptions, type RevocationFeed, revocationFeed } from './revocations.ts'
import { type Algorithm, type Claims, checkSignature, checkTimes, parseToken, readClaims } from './token.ts'

export type VerifierOptions = {
  /** The server, exactly as its tokens name it (`iss`). */
  issuer: string
  /** Who the tokens must be for. Default: the issuer, as the server does. */
  audience?: string
  /** Where the server is reached, if not at the issuer's address. */
  baseUrl?: string
  /**
   * Whether to follow what the server revokes. `none`: a logout is seen when the token expires. A choice for you to
   * make: there is no default.
   */
  revocation: 'none' | FeedOptions
  /** Default ES256 and EdDSA. */
  algorithms?: readonly Algorithm[]
  /** Default 30. */
  leewaySeconds?: number
  /** The longest life of a token that is believed. Default one hour. */
  maxTtlSeconds?: number
  /** Keys of an earlier run, from `exportCache()`. */
  cache?: JwksSnapshot
  fetch?: typeof fetch
  /** Milliseconds since 1970. */
  now?: () => number
  /** Told of a feed or a key set that cannot be reached. */
  onError?: (error: unknown) => void
}

export type Verifier = {
  /**
   * @returns what the token says, frozen
   * @throws TokenRefusedError (401), VerifierUnavailableError (503)
   */
  verify(token: string): Promise<Claims>
  /** Fetches the keys, and begins to follow the revocations. */
  warm(): Promise<void>
  exportCache(): JwksSnapshot
  /** When the feed was last heard, how many ends it holds, and by which way it comes. */
  feedStatus(): ReturnType<RevocationFeed['status']> | null
  close(): void
}

type Verified = { claims: Claims; kid: string }

const mostVerified = 10_000

/**
 * Verifies access tokens here, without asking the server: strictly, from cached keys, and once per token. Does nothing
 * until the first token comes.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const {
    issuer,
    audience = issuer,
    algorithms = ['ES256', 'EdDSA'],
    leewaySeconds = 30,
    maxTtlSeconds = 3600,
  } = options
  const { now = Date.now, onError = () => undefined } = options
  const fetching: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const baseUrl = (options.baseUrl ?? issuer).replace(/\/+$/, '')
  if (options.revocation === undefined) {
    const message = '"revocation" must be chosen: "none", or the credential that reads the feed and "whenUnreachable".'
    throw new ConfigurationError('config_invalid', message)
  }
  const keys = keySource({
    url: `${baseUrl}/.well-known/jwks.json`,
    algorithms,
    fetch: fetching,
    now,
    snapshot: options.cache,
  })
  const feed =
    options.revocation === 'none'
      ? null
      : revocationFeed(options.revocation, { baseUrl, fetch: fetching, now, onError })
  const expected = { issuer, audience, leewaySeconds, maxTtlSeconds }
  const verified = new Map<string, Verified>()

  const check = async (token: string, name: string): Promise<Verified> => {
    const parsed = parseToken(token)
    const found = keys.key(parsed.kid)
    checkSignature(parsed, found instanceof Promise ? await found : found)
    const entry = { claims: readClaims(parsed, expected), kid: parsed.kid }
    checkTimes(entry.claims, now() / 1000, leewaySeconds)
    // The oldest goes; a token that is used comes back by one signature.
    if (verified.size >= mostVerified) verified.delete(verified.keys().next().value!)
    verified.set(name, entry)
    return entry
  }
  return {
    async verify(token) {
      const starting = feed?.start()
      if (feed && feed.status().heardAt === null) await starting
      if (typeof token !== 'string' || token.length > 8192) throw new TokenRefusedError('malformed')
      const name = createHash('sha256').update(token).digest('base64')
      const { claims, kid } = verified.get(name) ?? (await check(token, name))
      // Each time, also for a token that was seen before.
      if (claims.exp <= now() / 1000 - leewaySeconds) {
        verified.delete(name)
        throw new TokenRefusedError('expired')
      }
      if (feed?.isRevoked(claims, kid)) throw new TokenRefusedError('revoked')
      return claims
    },
    async warm() {
      await Promise.all([keys.warm(), feed?.start()])
    },
    exportCache: () => keys.export(),
    feedStatus: () => feed?.status() ?? null,
    close: () => feed?.close(),
  }
}
