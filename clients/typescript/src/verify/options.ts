import { between, type Check, check, isFunction, isText, isUrl, listOf, oneOf } from '../check.ts'
import { misconfigured, refuseInsecure } from '../options.ts'
import { isEdge } from './edge.ts'
import type { VerifierOptions } from './verifier.ts'

const algorithms = ['ES256', 'EdDSA', 'RS256']
const hour = 3_600_000

const feed: Record<string, Check> = {
  clientId: isText,
  clientSecret: isText,
  whenUnreachable: oneOf('fail_open', 'fail_closed'),
  maxStalenessMs: between(1, 24 * hour),
  pollMs: between(1, hour),
  mode: oneOf('stream', 'poll'),
}
const [areAlgorithms, mustBeAlgorithms] = listOf(oneOf(...algorithms), algorithms.join(', '))
const verifier: Record<string, Check> = {
  issuer: isUrl,
  audience: isText,
  baseUrl: isUrl,
  revocation: [
    (value) => value === 'none' || (typeof value === 'object' && value !== null),
    'be chosen: "none", or the credential that reads the feed and "whenUnreachable"',
  ],
  algorithms: [(value) => areAlgorithms(value) && (value as string[]).length > 0, mustBeAlgorithms],
  leewaySeconds: between(0, 300),
  maxTtlSeconds: between(1, 366 * 86_400),
  cache: [
    (value) => {
      const { keys, fetchedAt } = Object(value)
      return Array.isArray(keys) && typeof fetchedAt === 'number' && !Number.isNaN(fetchedAt)
    },
    'be what exportCache() gave',
  ],
  fetch: isFunction,
  now: isFunction,
  onError: isFunction,
}

/**
 * Says what is wrong at once: a guard that was told something it does not understand must not guess.
 * @throws ConfigurationError
 */
export function checkOptions(options: VerifierOptions): void {
  check('createVerifier', options, verifier, ['issuer', 'revocation'])
  const { issuer, baseUrl = issuer, revocation } = options
  refuseInsecure(new URL(baseUrl))
  if (revocation !== 'none') {
    check('"revocation"', revocation, feed, ['clientId', 'clientSecret', 'whenUnreachable'])
    if (isEdge()) {
      throw misconfigured(
        '"revocation" must be "none" in a worker of a CDN: nothing there follows a feed between requests.',
      )
    }
  }
}
