import { misconfigured } from './options.ts'

/**
 * What an option must be. The full sentences are for what no page loads; `options.ts` says it in fewer bytes.
 * `open`: a wrong text may be shown, because no secret belongs there.
 */
export type Check = [right: (value: unknown) => boolean, must: string, open?: boolean]

export const isFunction: Check = [(value) => typeof value === 'function', 'be a function']
export const isFlag: Check = [(value) => typeof value === 'boolean', 'be true or false']
export const isText: Check = [(value) => typeof value === 'string' && value !== '', 'be a text that is not empty']
export const isUrl: Check = [(value) => typeof value === 'string' && URL.canParse(value), 'be a URL: https://…']
export const isAddress: Check = [(value) => URL.canParse(String(value)), 'be a URL: https://…']
export const isObject: Check = [(value) => typeof value === 'object' && value !== null, 'be an object']
/** What a timer can count. */
export const isTime: Check = [
  (value) => typeof value === 'number' && value > 0 && value < 2e9,
  'be a number of milliseconds above 0',
]
export const between = (least: number, most: number): Check => [
  (value) => typeof value === 'number' && value >= least && value <= most,
  `be a number from ${least} to ${most}`,
]
export const oneOf = (...values: string[]): Check => [
  (value) => values.includes(value as string),
  `be ${values.map((each) => `"${each}"`).join(' or ')}`,
  true,
]
export const listOf = ([right]: Check, what: string): Check => [
  (value) => Array.isArray(value) && value.every(right),
  `be a list of ${what}`,
]
export const objectWith = (...methods: string[]): Check => [
  (value) => methods.every((each) => typeof Object(value)[each] === 'function'),
  `be an object with ${methods.join(', ')}`,
]

/** Of who sends requests: `createServerClient` and `createAdmin`. */
export const senderChecks: Record<string, Check> = {
  baseUrl: isAddress,
  timeoutMs: isTime,
  retry: isObject,
  fetch: isFunction,
  clock: objectWith('wall', 'monotonic', 'sleep'),
}

const retryChecks = { baseMs: isTime, capMs: isTime, backgroundCapMs: isTime }

/**
 * Says what is wrong at once, and does not guess: which option, what it takes, and what was given, unless that may be a
 * secret. Undefined is the same as left out.
 * @param of who takes these options
 * @throws ConfigurationError
 */
export function check(of: string, given: object, checks: Record<string, Check>, needed: readonly string[] = []): void {
  if (typeof given !== 'object' || given === null) throw misconfigured(`${of} needs an object of options.`)
  const values = new Map<string, unknown>(Object.entries(given))
  for (const name of values.keys()) {
    if (!Object.hasOwn(checks, name)) {
      throw misconfigured(`${of} has no option "${name}"; there are: ${Object.keys(checks).join(', ')}.`)
    }
  }
  for (const [name, [right, must, open = false]] of Object.entries(checks)) {
    const value = values.get(name)
    if (value === undefined ? needed.includes(name) : !right(value)) {
      throw misconfigured(`"${name}" must ${must}. It is ${shown(value, open)}.`)
    }
  }
  if (checks.retry && values.get('retry') !== undefined) check('"retry"', values.get('retry') as object, retryChecks)
}

function shown(value: unknown, open: boolean): string {
  if (value === undefined) return 'not given'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === '') return 'an empty text'
  if (typeof value === 'string') return open ? JSON.stringify(value) : 'another text'
  return Array.isArray(value) ? 'a list' : typeof value === 'function' ? 'a function' : 'an object'
}
