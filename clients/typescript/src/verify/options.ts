import { misconfigured, refuseInsecure } from '../options.ts'
import type { VerifierOptions } from './verifier.ts'

type Check = [right: (value: unknown) => boolean, must: string]

const isFunction: Check = [(value) => typeof value === 'function', 'be a function']
const isText: Check = [(value) => typeof value === 'string' && value !== '', 'be a text that is not empty']
const isUrl: Check = [(value) => typeof value === 'string' && URL.canParse(value), 'be a URL: https://…']
const between = (least: number, most: number): Check => [
  (value) => typeof value === 'number' && value >= least && value <= most,
  `be a number from ${least} to ${most}`,
]
const oneOf = (...values: string[]): Check => [
  (value) => values.includes(value as string),
  `be ${values.map((each) => `"${each}"`).join(' or ')}`,
]
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
const verifier: Record<string, Check> = {
  issuer: isUrl,
  audience: isText,
  baseUrl: isUrl,
  revocation: [
    (value) => value === 'none' || (typeof value === 'object' && value !== null),
    'be chosen: "none", or the credential that reads the feed and "whenUnreachable"',
  ],
  algorithms: [
    (value) => Array.isArray(value) && value.length > 0 && value.every((each) => algorithms.includes(each)),
    `be a list of ${algorithms.join(', ')}`,
  ],
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
  }
}

function check(of: string, given: object, checks: Record<string, Check>, needed: string[]): void {
  if (typeof given !== 'object' || given === null) throw misconfigured(`${of} needs an object of options.`)
  const values = new Map(Object.entries(given))
  for (const name of values.keys()) {
    if (!Object.hasOwn(checks, name)) {
      throw misconfigured(`${of} has no option "${name}"; there are: ${Object.keys(checks).join(', ')}.`)
    }
  }
  for (const [name, [right, must]] of Object.entries(checks)) {
    const value = values.get(name)
    // Undefined is the same as left out.
    if (value === undefined ? needed.includes(name) : !right(value)) {
      throw misconfigured(`"${name}" must ${must}.${value === undefined ? ' It is not given.' : ''}`)
    }
  }
}
