import { ConfigurationError } from '../errors/errors.ts'
import { TokenRefusedError } from './errors.ts'
import { type JwksSnapshot, keySource } from './keys.ts'
import { checkOptions } from './options.ts'
import { type FeedOptions, type FeedStatus, revocationFeed } from './revocations.ts'
import {
  type Algorithm,
  type Claims,
  checkSignature,
  checkTimes,
  parseToken,
  readClaims,
  type VerifyingKey,
} from './token.ts'
import { verifiedTokens } from './verified.ts'

/** What a verifier is made of; `issuer` and `revocation` must be given. */
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
  /** All requests go through this one. */
  fetch?: typeof fetch
  /** Milliseconds since 1970. */
  now?: () => number
  /**
   * Told of a feed or a key set that cannot be reached. Without it a credential that the server refuses is told as a
   * warning of the process.
   */
  onError?: (error: unknown) => void
}

/** What `createVerifier` makes: one for each server and program. */
export type Verifier = {
  /**
   * @returns what the token says, frozen
   * @throws TokenRefusedError (401), VerifierUnavailableError (503)
   */
  verify(token: string): Promise<Claims>
  /**
   * Fetches the keys, and begins to follow the revocations. A server that cannot be reached is no error here.
   * @throws ConfigurationError when the server refuses the credential that reads the feed
   */
  warm(): Promise<void>
  /** The keys, for `cache` of another process: it then starts without asking. */
  exportCache(): JwksSnapshot
  /** When the feed was last heard, how many ends it holds, and by which way it comes. */
  feedStatus(): FeedStatus | null
  /** Stops following: the feed's connection keeps a program alive. */
  close(): void
}

type Entry = { claims: Claims; key: VerifyingKey }

/**
 * Verifies access tokens here, without asking the server: strictly, from cached keys, and once per token. Does nothing
 * until the first token comes.
 * @throws ConfigurationError for options that it does not understand
 */
export function createVerifier(options: VerifierOptions): Verifier {
  checkOptions(options)
  const {
    issuer,
    audience = issuer,
    algorithms = ['ES256', 'EdDSA'],
    leewaySeconds = 30,
    maxTtlSeconds = 3600,
    revocation,
    now = Date.now,
    onError: told = warnOfMistakes(),
  } = options
  // Nobody is left to tell what it throws.
  const onError = (error: unknown) => void (async () => told(error))().catch(() => undefined)
  const fetching: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const baseUrl = (options.baseUrl ?? issuer).replace(/\/+$/, '')
  const ports = { baseUrl, fetch: fetching, now, onError }
  const keys = keySource({ ...ports, url: `${baseUrl}/.well-known/jwks.json`, algorithms, snapshot: options.cache })
  const feed = revocation === 'none' ? null : revocationFeed(revocation, ports)
  const expected = { issuer, audience, leewaySeconds, maxTtlSeconds }
  const verified = verifiedTokens<Entry>()
  let isFollowing = feed === null

  const check = async (token: string): Promise<Entry> => {
    const parsed = parseToken(token)
    const found = keys.key(parsed.kid)
    const key = found instanceof Promise ? await found : found
    checkSignature(parsed, key)
    const entry = { claims: readClaims(parsed, expected), key }
    checkTimes(entry.claims, now() / 1000, leewaySeconds)
    verified.set(token, entry)
    return entry
  }
  /** Only while the key is still one of the server's. */
  const seen = (token: string): Entry | undefined => {
    const entry = verified.get(token)
    return entry && keys.known(entry.key.kid) === entry.key ? entry : undefined
  }
  return {
    async verify(token) {
      if (!isFollowing) {
        await feed?.start()
        isFollowing = true
      }
      if (typeof token !== 'string' || token.length > 8192) throw new TokenRefusedError('malformed')
      const { claims, key } = seen(token) ?? (await check(token))
      // Each time, also for a token that was seen before.
      if (claims.exp <= now() / 1000 - leewaySeconds) {
        verified.delete(token)
        throw new TokenRefusedError('expired')
      }
      if (feed?.isRevoked(claims, key.kid)) throw new TokenRefusedError('revoked')
      return claims
    },
    async warm() {
      await Promise.all([keys.warm(), feed?.start()])
      feed?.checkCredential()
    },
    exportCache: () => keys.export(),
    feedStatus: () => feed?.status() ?? null,
    close: () => feed?.close(),
  }
}

/** Once, and only what its operator can mend; a server that is away for a while is told by 503 or by nothing. */
function warnOfMistakes(): (error: unknown) => void {
  let warned = false
  return (error) => {
    if (warned || !(error instanceof ConfigurationError)) return
    warned = true
    process.emitWarning(error.message, { code: 'NTT_AUTH_CREDENTIAL_REFUSED' })
  }
}
